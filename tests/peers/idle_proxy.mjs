// SPDX-License-Identifier: Apache-2.0
//
// A proxy for gRPC that ends streams without data, as nginx and load balancers
// do, and that answers HTTP/2 pings itself:
//
//     node idle_proxy.mjs 127.0.0.1:50051 23000
//
// It prints `listening ADDRESS`, `alive PATH` when data ends a long silence of a
// stream, and `ended PATH` when it ends a stream that was silent for the given
// milliseconds.
import http2 from 'node:http2';

const [target, patience] = process.argv.slice(2);
const PATIENCE_MS = Number(patience);
const LONG_MS = PATIENCE_MS / 2;

function forward(down, headers) {
  const session = http2.connect(`http://${target}`);
  const { ':authority': authority, ':scheme': scheme, ...rest } = headers;
  const up = session.request(rest);
  const path = headers[':path'];
  let trailers = {};
  let timer;
  let last = performance.now();
  const close = () => {
    clearTimeout(timer);
    for (const stream of [up, down]) stream.close(http2.constants.NGHTTP2_CANCEL);
    session.close();
  };
  const touch = () => {
    if (performance.now() - last > LONG_MS) console.log(`alive ${path}`);
    last = performance.now();
    clearTimeout(timer);
    timer = setTimeout(() => { console.log(`ended ${path}`); close(); }, PATIENCE_MS);
  };
  const pass = (from, to) => {
    from.on('data', (data) => { touch(); if (!to.destroyed) to.write(data); });
    from.on('end', () => { if (!to.destroyed) to.end(); });
    from.on('error', () => {});
    from.on('close', close);
  };
  session.on('error', close);
  up.on('response', (answer) => {
    const isAll = answer['grpc-status'] !== undefined;
    down.respond(answer, { waitForTrailers: !isAll, endStream: isAll });
    down.on('wantTrailers', () => down.sendTrailers(trailers));
  });
  up.on('trailers', (last_headers) => { trailers = { ...last_headers }; });
  pass(up, down);
  pass(down, up);
  touch();
}

const server = http2.createServer().on('stream', forward);
server.listen(0, '127.0.0.1', () => console.log(`listening 127.0.0.1:${server.address().port}`));
