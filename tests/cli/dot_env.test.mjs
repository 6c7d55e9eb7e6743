// The file .env in the working directory, which may belong to somebody else.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { slo } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";
import { PUBLISH_SECRET } from "../support/worker.mjs";
import { CLIENT_SECRET, runCli, startIssuerServer, startWorkerFor } from "./support/cli.mjs";
import { temporaryFile } from "./support/temporary_file.mjs";

const issuerServer = await startIssuerServer();
const { newTenant, worker } = await startWorkerFor(issuerServer);

const dotEnv = (variables) =>
  temporaryFile(
    ".env",
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  ).cwd;

/** A server that records every request, as a host that wants to receive secrets. */
async function startRecorder() {
  const requests = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join("");
    requests.push(JSON.stringify([request.url, request.headers, body]));
    response.end("{}");
  }).listen(0, "127.0.0.1");
  server.on("upgrade", (request, socket) => {
    requests.push(JSON.stringify([request.url, request.headers]));
    socket.destroy();
  });
  after(() => server.close());
  await once(server, "listening");
  return { requests, url: `http://127.0.0.1:${server.address().port}` };
}

describe(".env", { concurrency: true }, () => {
  test("The environment and the command line take precedence over .env", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const cwd = dotEnv({
      SESSION_EVENTS_URL: worker.url,
      SESSION_EVENTS_TENANT: tenant.slug,
      AUTH0_ISSUER: issuerServer.url,
      AUTH0_CLIENT_ID: "from-file",
      AUTH0_CLIENT_SECRET: CLIENT_SECRET,
    });
    const fromFile = await runCli(t, ["listeners"], { cwd });
    assert.equal(fromFile.code, 0, fromFile.output);
    const wrong = "tenant-1@us";
    const env = { SESSION_EVENTS_TENANT: wrong };
    assert.match((await runCli(t, ["listeners"], { cwd, env })).output, /^error: 401 /);
    assert.equal((await runCli(t, ["listeners", ...workerArgs], { cwd, env })).code, 0);
  });

  test("The error for an invalid .env contains the line number but not the line", async (t) => {
    const { workerArgs } = newTenant();
    const good = "# NAME=s3cret word\nOTHER='two\nlines' s3cret\ns3cret\n";
    for (const bad of ["s3cret word", "'s3cret", "s3cret\u202e"]) {
      const { path, cwd } = temporaryFile(".env", `${good}AUTH0_CLIENT_SECRET=${bad}\nC=1`);
      const { code, output } = await runCli(t, ["listeners", ...workerArgs], { cwd });
      assert.equal(code, 1);
      assert.ok(output.includes(`error: ${path} cannot be read at line 5: `), output);
      assert.doesNotMatch(output, /s3cret/);
      for (const args of [["--version"], ["listen", "--help"], ["completions", "bash"]]) {
        const { code, output } = await runCli(t, args, { cwd });
        assert.equal(code, 0, output);
      }
    }
  });

  test("An invalid value in .env does not prevent the help, and does not show a secret in it", async (t) => {
    const cwd = dotEnv({ SESSION_EVENTS_URL: "ftp://s3cret", PUBLISH_SECRET: "s3cret" });
    for (const command of ["listen", "publish", "publish-token"]) {
      const { code, output } = await runCli(t, [command, "--help"], { cwd });
      assert.equal(code, 0, output);
      assert.doesNotMatch(output, /s3cret/);
    }
    const { code, output } = await runCli(t, ["listeners", "--tenant", "acme"], { cwd });
    assert.equal(code, 2);
    assert.match(output, /--url <URL>.*write it with https/);
  });

  test("Variables are not expanded, so they cannot contain a secret of the environment", async (t) => {
    const recorder = await startRecorder();
    const env = { AWS_SECRET_ACCESS_KEY: "s3cret" };
    for (const quote of ["", "'", '"'])
      for (const variable of ["$AWS_SECRET_ACCESS_KEY", "${AWS_SECRET_ACCESS_KEY}"]) {
        const cwd = dotEnv({
          SESSION_EVENTS_URL: `${quote}${recorder.url}/${variable}${quote}`,
          SESSION_EVENTS_TENANT: "acme",
          SESSION_EVENTS_TOKEN: `${quote}a${variable}${quote}`,
        });
        const { code, output } = await runCli(t, ["events"], { cwd, env });
        assert.notEqual(code, 0);
        assert.doesNotMatch(output + recorder.requests.join(), /s3cret/);
      }
  });

  test("Variables that no option reads are ignored", async (t) => {
    const { tenant, allArgs } = newTenant();
    await tenant.publish(slo());
    const recorder = await startRecorder();
    const cwd = dotEnv({
      HTTPS_PROXY: recorder.url,
      http_proxy: recorder.url,
      all_proxy: recorder.url,
      SSL_CERT_FILE: "/dev/null",
      CLICOLOR_FORCE: "1",
      SESSION_EVENTS_JSON: "1",
    });
    const { code, output } = await runCli(t, ["events", ...allArgs], { cwd });
    assert.equal(code, 0, output);
    assert.deepEqual(recorder.requests, []);
  });

  /** The command and its secret, and the settings of a working set-up. */
  const secrets = [
    ["SESSION_EVENTS_TOKEN", "--token", ["events"], ({ tenant }) => tenant.token()],
    ["SESSION_EVENTS_TOKEN", "--token", ["listen"], ({ tenant }) => tenant.token()],
    ["AUTH0_CLIENT_SECRET", "--client-secret", ["events"], () => CLIENT_SECRET],
    ["AUTH0_CLIENT_SECRET", "--client-secret", ["doctor"], () => CLIENT_SECRET],
    ["PUBLISH_TOKEN", "--publish-token", ["publish"], ({ tenant }) => publishToken(tenant.domain)],
    ["PUBLISH_SECRET", "--publish-secret", ["publish"], () => PUBLISH_SECRET],
    ["PUBLISH_SECRET", "--publish-secret", ["doctor"], () => PUBLISH_SECRET],
    ["PUBLISH_SECRET", "--publish-secret", ["publish-token", "acme@us"], () => PUBLISH_SECRET],
  ];
  for (const [variable, option, [command, ...words], secretOf] of secrets) {
    test(`A .env that sets a destination does not receive the ${option} of ${command} from elsewhere`, async (t) => {
      const { tenant } = newTenant();
      const secret = secretOf({ tenant });
      const recorder = await startRecorder();
      const log = temporaryFile("log.json", JSON.stringify([slo()])).path;
      const args = [command, ...words, ...(command === "publish" ? [log] : [])];
      const trusted = {
        SESSION_EVENTS_URL: String(worker.url),
        SESSION_EVENTS_TENANT: tenant.slug,
        AUTH0_ISSUER: issuerServer.url,
        AUTH0_CLIENT_ID: "backend",
      };
      const hostile = [{ SESSION_EVENTS_URL: recorder.url }];
      if (option === "--client-secret") hostile.push({ AUTH0_ISSUER: recorder.url });
      for (const settings of hostile)
        for (const onCommandLine of [false, true]) {
          const [[destination]] = Object.entries(settings);
          const env = { ...trusted, [variable]: onCommandLine ? "" : secret };
          delete env[destination];
          const secretArgs = onCommandLine ? [option, secret] : [];
          const cwd = dotEnv(settings);
          const { code, stdout, output } = await runCli(t, [...args, ...secretArgs], { cwd, env });
          assert.deepEqual([code, stdout], [2, ""], output);
          const name = destination === "AUTH0_ISSUER" ? "--issuer" : "--url";
          assert.match(output, new RegExp(`^error: the file \\.env sets ${name}, but ${option} `));
          assert.match(
            output,
            new RegExp(`give ${name} on the command line or in the environment`),
          );
          assert.ok(!output.includes(secret));
          assert.deepEqual(recorder.requests, []);
        }
      if (command === "listen") return;

      // The other way round: a secret of the file may be sent to any destination.
      const cwd = dotEnv({ [variable]: `'${secret}'` });
      const { code, output } = await runCli(t, args, { cwd, env: trusted });
      assert.equal(code, 0, output);
      const all = dotEnv({ ...trusted, [variable]: `'${secret}'` });
      assert.equal((await runCli(t, args, { cwd: all })).code, 0);
    });
  }

  test("A .env that sets the tenant does not choose the issuer that receives a client secret", async (t) => {
    const cwd = dotEnv({ SESSION_EVENTS_TENANT: "evil@us" });
    const env = { AUTH0_CLIENT_ID: "backend", AUTH0_CLIENT_SECRET: CLIENT_SECRET };
    const args = ["events", "--url", String(worker.url)];
    const { code, output } = await runCli(t, args, { cwd, env });
    assert.equal(code, 2);
    assert.match(output, /^error: the file \.env sets --tenant, but --client-secret /);
    const { tenant } = newTenant();
    const withIssuer = [...args, "--issuer", issuerServer.url];
    const own = dotEnv({ SESSION_EVENTS_TENANT: tenant.slug });
    const allowed = await runCli(t, withIssuer, { cwd: own, env });
    assert.equal(allowed.code, 0, allowed.output);
  });
});
