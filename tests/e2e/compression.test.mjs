// WebSocket compression. The flag in wrangler.toml switches it off, and only the bare runtime shows
// that: under `wrangler dev` the local proxy negotiates compression with the client.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";

import { unstable_readConfig } from "wrangler";

import { startBareWorkerd } from "../support/bare_workerd.mjs";
import { ROOT } from "../support/built_worker.mjs";
import { Subscriber } from "../support/subscriber.mjs";

const { workerd } = await startBareWorkerd();

describe("WebSocket compression", () => {
  test("is not negotiated with a client that offers it", async () => {
    const url = new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
    // The npm package ws offers permessage-deflate by default, as browsers do.
    const subscriber = await Subscriber.connect(url);
    assert.equal(subscriber.socket.extensions, "");
    assert.deepEqual(await subscriber.next(), { type: "connected" });
    assert.equal((await subscriber.close(1000)).code, 1000);
  });

  for (const env of [undefined, "production"]) {
    test(`is off in the ${env ?? "local"} configuration`, () => {
      const { compatibility_flags } = unstable_readConfig({
        config: join(ROOT, "wrangler.toml"),
        env,
      });
      assert.deepEqual(compatibility_flags, ["no_web_socket_compression"]);
    });
  }
});
