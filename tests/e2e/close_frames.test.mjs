// Close frames that the protocol does not allow (RFC 6455, sections 5.5.1 and 7.4). The connection
// must end as after any other close frame. A client that waits for the server's close frame would
// otherwise hold its socket, and its place in the limits, for as long as it likes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startBareWorkerd } from "../support/bare_workerd.mjs";
import { closeBody, closeWith } from "../support/close_frames.mjs";
import { nodeFetch } from "../support/issuer.mjs";
import { waitFor } from "../support/wait_for.mjs";

const { issuer, workerd } = await startBareWorkerd();
const url = new URL("/acme/api/subscribe", workerd.url);
const authorization = `Bearer ${issuer.token()}`;

const unauthenticated = { messages: 1 };
const authenticated = { messages: 2, headers: { authorization } };

async function openSockets() {
  const response = await nodeFetch(new URL("/acme/api/listeners", workerd.url), {
    headers: { authorization },
  });
  return (await response.json()).count;
}

for (const [name, options] of Object.entries({ unauthenticated, authenticated })) {
  describe(`an ${name} socket`, () => {
    for (const code of [0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65_535]) {
      test(`is closed with 1002 after a close frame with the illegal code ${code}`, async () => {
        assert.equal(await closeWith(url, closeBody(code), options), 1002);
      });
    }

    for (const code of [1000, 1001, 3000, 4999]) {
      test(`is closed with ${code} after a close frame with that code`, async () => {
        assert.equal(await closeWith(url, closeBody(code, "bye"), options), code);
      });
    }

    test("is closed without a code after a close frame with a body of at most one byte", async () => {
      assert.equal(await closeWith(url, Buffer.alloc(0), options), 1005);
      assert.equal(await closeWith(url, Buffer.from([3]), options), 1005);
      assert.equal(await closeWith(url, closeBody(1005), options), 1005);
    });

    test("is closed after a close frame whose reason is not UTF-8", async () => {
      const reason = Buffer.from([0xff, 0xfe]);
      assert.equal(await closeWith(url, closeBody(1000, reason), options), 1000);
    });

    test("is no longer listed after any of these", async () => {
      await waitFor(async () => (await openSockets()) === 0);
    });
  });
}

test("the runtime logs no error", () => {
  assert.equal(workerd.log, "");
});
