// /api/publish, the endpoint of Auth0's log stream: its token, and the formats and sizes of a body.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { counts } from "../support/counts.mjs";
import { assertError, sendRawRequest } from "../support/http.mjs";
import { eventOf, login, scp, slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const MEBIBYTE = 1024 * 1024;

const ids = async (tenant) => (await tenant.events()).map(({ id }) => id).reverse();

describe("the publish token", { concurrency: true }, () => {
  test("is accepted with or without the Bearer scheme", async () => {
    const tenant = new Tenant(worker);
    const token = publishToken(tenant.domain);
    for (const authorization of [token, `Bearer ${token}`]) {
      const response = await tenant.post(JSON.stringify(slo()), { authorization });
      assert.equal(response.status, 200, authorization);
    }
    assert.equal((await tenant.events()).length, 2);
  });

  test("is required", async () => {
    const tenant = new Tenant(worker);
    const response = await tenant.post(JSON.stringify(slo()), {});
    assert.equal(response.headers.get("www-authenticate"), 'Bearer realm="session-events"');
    await assertError(response, 401, "invalid_token");
    assert.deepEqual(await tenant.events(), []);
  });

  test("must exactly match the token of the tenant", async () => {
    const tenant = new Tenant(worker);
    const token = publishToken(tenant.domain);
    const flipped = (token[0] === "A" ? "B" : "A") + token.slice(1);
    for (const authorization of [
      "",
      "Bearer ",
      "Bearer",
      "x",
      flipped,
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      token.toLowerCase(),
      `Basic ${token}`,
      `Bearer Bearer ${token}`,
      PUBLISH_SECRET,
      tenant.domain,
      publishToken(new Tenant(worker).domain),
      publishToken(tenant.slug),
      publishToken(tenant.domain, "guessed"),
      publishToken(`https://${tenant.domain}/`),
      tenant.token(),
      `Bearer ${tenant.token()}`,
    ]) {
      const response = await tenant.post(JSON.stringify(slo()), { authorization });
      assert.match(
        response.headers.get("www-authenticate") ?? "",
        /^Bearer realm="session-events"/,
        authorization,
      );
      await assertError(response, 401, "invalid_token");
    }
    assert.deepEqual(await tenant.events(), []);
  });

  test("is verified before the body is read", async () => {
    const tenant = new Tenant(worker);
    const headers = { authorization: "wrong", "content-length": 5 * MEBIBYTE + 1 };
    const path = `/${tenant.slug}/api/publish`;
    const refusal = await sendRawRequest(worker.url, {
      method: "POST",
      path,
      headers,
      withheld: true,
    });
    await assertError(refusal, 401, "invalid_token");
    await assertError(
      await tenant.post("garbage", { authorization: "wrong" }),
      401,
      "invalid_token",
    );
  });
});

describe("a body", { concurrency: true }, () => {
  const batch = () => [slo(), login(), scp()];
  const FORMATS = {
    "a JSON array": (records) => JSON.stringify(records),
    "an indented JSON array": (records) => JSON.stringify(records, null, 2),
    "an array surrounded by whitespace": (records) => `\r\n\t ${JSON.stringify(records)}\n \n`,
    "JSON lines": (records) => records.map((record) => JSON.stringify(record)).join("\n"),
    "JSON lines with a newline at the end": (records) =>
      records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    "JSON lines with blank lines and CRLF": (records) =>
      `\r\n${records.map((record) => JSON.stringify(record)).join("\r\n\r\n  \r\n")}\r\n`,
    "an object with the array as logs": (records) => JSON.stringify({ logs: records }),
    "an indented object with the array as logs": (records) =>
      JSON.stringify({ logs: records, total: records.length }, null, 2),
    "a JSON array after a byte order mark": (records) => `\uFEFF${JSON.stringify(records)}`,
    "JSON lines after a byte order mark": (records) =>
      `\uFEFF${records.map((record) => JSON.stringify(record)).join("\n")}`,
  };
  for (const [format, write] of Object.entries(FORMATS)) {
    test(`may be ${format}`, async () => {
      const tenant = new Tenant(worker);
      const records = batch();
      assert.deepEqual(
        await tenant.publishBody(write(records)),
        counts({ received: 3, events: 2, ignored: 1 }),
      );
      assert.deepEqual((await tenant.events()).reverse(), [
        eventOf(records[0]),
        eventOf(records[2]),
      ]);
    });
  }

  for (const [format, indent] of [
    ["one JSON object", undefined],
    ["one JSON object over several lines", 2],
  ]) {
    test(`may be ${format}`, async () => {
      const tenant = new Tenant(worker);
      const record = slo();
      assert.deepEqual(
        await tenant.publishBody(JSON.stringify(record, null, indent)),
        counts({ received: 1, events: 1 }),
      );
      assert.deepEqual(await tenant.events(), [eventOf(record)]);
    });
  }

  test("is parsed independently of its Content-Type", async () => {
    for (const type of [
      "application/json",
      "application/x-ndjson",
      "text/plain",
      "application/octet-stream",
      "nonsense",
    ]) {
      const tenant = new Tenant(worker);
      const headers = { "content-type": type };
      for (const write of Object.values(FORMATS)) {
        assert.deepEqual(
          await tenant.publishBody(write(batch()), headers),
          counts({ received: 3, events: 2, ignored: 1 }),
          type,
        );
      }
    }
    const tenant = new Tenant(worker);
    assert.equal(
      (await tenant.publishBody(new Blob([JSON.stringify(slo())]))).events,
      1,
      "without a Content-Type",
    );
  });

  test("may be an empty array", async () => {
    assert.deepEqual(await new Tenant(worker).publishBody("[]"), counts());
    assert.deepEqual(await new Tenant(worker).publishBody(" [ ]\n"), counts());
    assert.deepEqual(await new Tenant(worker).publishBody('{"logs":[]}'), counts());
  });

  test("without any JSON object is refused", async () => {
    const tenant = new Tenant(worker);
    for (const body of [
      "",
      " \n",
      "garbage",
      "[1,2]",
      "null",
      '"text"',
      "<xml/>",
      "12",
      "[[]]",
      '{"logs":[1,2]}',
      Buffer.from([0xff, 0xfe, 0x00]),
    ]) {
      await assertError(await tenant.post(body), 400, "invalid_request");
    }
    await assertError(await tenant.post(undefined), 400, "invalid_request");
  });

  test("that is nested too deeply does not crash the worker", async () => {
    const tenant = new Tenant(worker);
    await assertError(await tenant.post("[".repeat(1_000_000)), 400, "invalid_request");
    const deep = `{"log_id":"deep","data":{"type":"slo","details":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`;
    assert.equal((await tenant.publishBody(deep)).received, 1);
    assert.equal((await tenant.publishBody(`[${deep},${JSON.stringify(slo())}]`)).events, 1);
  });

  const padded = (record, bytes) => `[${JSON.stringify(record)}`.padEnd(bytes - 1, " ") + "]";

  for (const [encoding, encode] of [
    ["with a Content-Length", (text) => text],
    ["in chunks without a Content-Length", (text) => text.match(/[^]{1,1000000}/g)],
  ]) {
    const send = (tenant, text) =>
      sendRawRequest(worker.url, {
        method: "POST",
        path: `/${tenant.slug}/api/publish`,
        headers: {
          authorization: publishToken(tenant.domain),
          ...(encoding.startsWith("with") && { "content-length": Buffer.byteLength(text) }),
        },
        body: encode(text),
      });

    test(`of exactly 5 MiB ${encoding} is accepted`, async () => {
      const tenant = new Tenant(worker);
      const record = slo();
      const { status, text } = await send(tenant, padded(record, 5 * MEBIBYTE));
      assert.equal(status, 200, text);
      assert.deepEqual(await ids(tenant), [record.log_id]);
    });

    test(`of 5 MiB plus one byte ${encoding} is too large`, async () => {
      const tenant = new Tenant(worker);
      await assertError(
        await send(tenant, padded(slo(), 5 * MEBIBYTE + 1)),
        413,
        "payload_too_large",
      );
      assert.deepEqual(await ids(tenant), []);
    });
  }

  test("is measured in bytes, not in characters", async () => {
    const tenant = new Tenant(worker);
    const record = slo({ description: "é".repeat(2.5 * MEBIBYTE) });
    await assertError(await tenant.post(JSON.stringify([record])), 413, "payload_too_large");
  });
});
