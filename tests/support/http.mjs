// Requests written to the letter, and what every error answer has to look like.
import assert from "node:assert/strict";
import { request } from "node:http";

/**
 * One request with exactly this path, headers and body: fetch would tidy the path up, and would
 * not let a test ask for an upgrade. A body that is an array goes out in chunks, without a
 * Content-Length; one that is `withheld` never comes, although the headers announce it.
 */
export function exchange(url, { method = "GET", path, headers = {}, body, withheld = false } = {}) {
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

/** The headers with which a client asks for a WebSocket. */
export const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const INTERNAL =
  /panic|wasm|\.rs\b|::|\bat \w+ \(|RuntimeError|JsValue|serde|Option<|Some\(|None\b/;

/** Asserts an error answer (of fetch or of `exchange`): its status, its form, and its code. */
export async function assertError(response, status, code) {
  const text = typeof response.text === "string" ? response.text : await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json\b/);
  const body = JSON.parse(text);
  assert.deepEqual(Object.keys(body), ["error", "error_description"], text);
  assertFault(body, code);
  return body;
}

/** Asserts the two fields that tell an error, on HTTP and on a socket alike. */
export function assertFault({ error, error_description: description }, code) {
  assert.equal(error, code, description);
  assert.match(error, /^[a-z]+(_[a-z]+)*$/);
  assert.match(description, /^\S.*\s.*\.$/, "the description is a sentence");
  assert.doesNotMatch(description, INTERNAL, "the description shows the worker's insides");
}
