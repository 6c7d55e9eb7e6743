// Raw HTTP requests, and assertions on error responses.
import assert from "node:assert/strict";
import { request } from "node:http";

/**
 * Sends a request with exactly this path, these headers and this body. fetch would normalize the
 * path and forbids upgrade headers. An array body is sent in chunks without a Content-Length. A
 * `withheld` body is announced by the headers but never sent.
 */
export function sendRawRequest(
  url,
  { method = "GET", path, headers = {}, body, withheld = false } = {},
) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = url;
    const signal = AbortSignal.timeout(10_000);
    const outgoing = request({ hostname, port, method, path, headers, signal });
    outgoing.on("error", reject);
    outgoing.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: new Headers(response.headers), text: "" });
    });
    outgoing.on("response", async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode, headers: new Headers(response.headers), text });
      if (withheld) outgoing.destroy();
    });
    if (withheld) return outgoing.flushHeaders();
    if (Array.isArray(body)) for (const chunk of body) outgoing.write(chunk);
    outgoing.end(Array.isArray(body) ? undefined : body);
  });
}

/** The headers of a WebSocket upgrade request. */
export const upgradeHeaders = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Rust and wasm terms that must not appear in an error description. */
const INTERNALS =
  /panic|wasm|\.rs\b|::|\bat \w+ \(|RuntimeError|JsValue|serde|Option<|Some\(|None\b/;

/** Asserts the status, form and error code of a response of fetch or `sendRawRequest`. */
export async function assertError(response, status, code) {
  const text = typeof response.text === "string" ? response.text : await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json\b/);
  const body = JSON.parse(text);
  assert.deepEqual(Object.keys(body), ["error", "error_description"], text);
  assertErrorMembers(body, code);
  return body;
}

/** Asserts `error` and `error_description`, which HTTP responses and messages have in common. */
export function assertErrorMembers({ error, error_description: description }, code) {
  assert.equal(error, code, description);
  assert.match(error, /^[a-z]+(_[a-z]+)*$/);
  assert.match(description, /^\S.*\s.*\.$/, "the description is a sentence");
  assert.doesNotMatch(description, INTERNALS, "the description shows internals");
}
