// SPDX-License-Identifier: Apache-2.0
//
// The library under test: the ES modules, or with HERALD_BUNDLE=1 the bundle
// for a <script> tag. Both pass the same tests; bundle_test.mjs ensures that.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

export const root = new URL("../../../", import.meta.url);
export const dist = new URL("clients/typescript/dist/", root);

async function load() {
  if (!process.env.HERALD_BUNDLE) return import(new URL("index.js", dist));
  const filename = fileURLToPath(new URL("herald.min.js", dist));
  vm.runInThisContext(readFileSync(filename, "utf8"), { filename });
  return { ...globalThis.Herald, Herald: globalThis.Herald };
}

export const {
  AuthorizeError,
  HandlerError,
  Herald,
  HeraldError,
  LostError,
  ProtocolError,
  SubscriptionError,
  WhisperError,
} = await load();
