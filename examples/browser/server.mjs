// Bundles the page and serves it on localhost.
import { createServer } from "node:http";
import { join } from "node:path";
import { env } from "node:process";

import { build } from "esbuild";

const folder = import.meta.dirname;
let port = Number(env.PORT ?? 3000);

// The defaults match `npm start`. The README lists the values for a real tenant.
const settings = {
  url: env.SESSION_EVENTS_URL ?? "http://localhost:8787",
  tenant: env.SESSION_EVENTS_TENANT ?? "acme@us",
  audience: env.SESSION_EVENTS_AUDIENCE ?? "https://events.auth0a.com/api",
  issuer: env.AUTH0_ISSUER ?? "http://localhost:8788/",
  clientId: env.AUTH0_CLIENT_ID ?? "my-page",
  api: env.API_URL ?? "http://localhost:8790",
};

for (const address of [settings.url, settings.issuer]) {
  await fetch(address).catch(() => {
    console.error(`${address} does not respond: run npm start first.`);
    process.exit(1);
  });
}

const { outputFiles } = await build({
  entryPoints: { app: join(folder, "src", "main.jsx") },
  define: { SETTINGS: JSON.stringify(settings), "process.env.NODE_ENV": '"production"' },
  jsx: "automatic",
  bundle: true,
  minify: true,
  write: false,
  outdir: "/",
});
const bundled = (name) => outputFiles.find(({ path }) => path.endsWith(name)).contents;
const files = {
  "/app.js": ["text/javascript", bundled("app.js")],
  "/app.css": ["text/css", bundled("app.css")],
};
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>session-events: an example</title>
<link rel="stylesheet" href="/app.css">
<div id="root"></div>
<script src="/app.js"></script>
</html>
`;

const server = createServer(({ url }, response) => {
  const [type, body] = files[url] ?? ["text/html", page];
  response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
});
server.on("listening", () => {
  console.log(`Open http://localhost:${server.address().port} in two tabs, and sign in.`);
});
// Use the next port. (A real tenant accepts only the configured callback URL.)
server.on("error", (error) => {
  if (error.code !== "EADDRINUSE") throw error;
  server.listen((port += 1), "localhost");
});
server.listen(port, "localhost");

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
