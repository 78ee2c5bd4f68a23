// SPDX-License-Identifier: Apache-2.0
//
// The chat server's HTTP API, as functions.

const PATIENCE = 10_000; // Milliseconds.

/**
 * The server refused the request; `status` is 401 when the login has ended, 0 when it was not
 * reached.
 */
export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export const session = () => call("GET", "/api/session");
export const logIn = (name, color) => call("POST", "/api/login", { name, color });
export const logOut = () => call("POST", "/api/logout", {});
export const addRoom = (room) => call("POST", "/api/rooms", { room });

/** The last messages of a room before an id, or the very last. */
export function messages(room, before) {
  const query = new URLSearchParams({ room, ...(before ? { before } : {}) });
  return call("GET", `/api/messages?${query}`);
}

/** Posts; Herald delivers it to all sockets in the room but our own. */
export function say(room, text, key, socketId) {
  const headers = socketId ? { "X-Socket-ID": socketId } : {};
  return call("POST", "/api/messages", { room, text, key }, headers);
}

/** The passes for our socket to the channels: one call for all of them. */
export async function heraldPasses(channels, socketId) {
  const body = { socket_id: socketId, channels };
  return (await call("POST", "/api/herald-passes", body)).passes;
}

async function call(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        "X-Chat-Seat": seat(), ...headers,
        ...(body ? { "Content-Type": "application/json" } : {}),
      },
      body: body ? JSON.stringify(body) : null,
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new ApiError(0, "the chat server cannot be reached");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new ApiError(response.status, answer.error ?? `HTTP ${response.status}`);
  }
  return answer;
}

/** Names this tab, through reloads: each tab is a person of its own. */
function seat() {
  let name = sessionStorage.getItem("seat");
  if (!name) {
    name = crypto.getRandomValues(new Uint32Array(3)).join("").slice(0, 24);
    sessionStorage.setItem("seat", name);
  }
  return name;
}
