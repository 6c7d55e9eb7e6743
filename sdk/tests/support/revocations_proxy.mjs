// A proxy that forwards everything to a server. Tests can replace or delay its responses with pages
// of revocations.
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after } from "node:test";

/**
 * Starts the proxy. It calls `respond` with each request for a page: `{token, after, count}` and
 * `forward()`, which returns the server's response. `respond` returns `{status, headers, body}`, or
 * a falsy value to forward the request. A body that is neither a string nor a Buffer is sent as
 * JSON. Without a status, the connection is closed.
 */
export async function startRevocationsProxy(target, respond = () => undefined) {
  const { hostname, port } = new URL(target);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, target);
    const forward = () => forwardRequest(request, { hostname, port }).catch(() => ({}));
    if (!url.pathname.endsWith("/api/revocations")) return send(response, await forward());
    const page = {
      token: request.headers.authorization?.replace(/^Bearer /, ""),
      after: url.searchParams.get("after"),
      count: proxy.pages.length + 1,
      closed: false,
      aborted: false,
    };
    proxy.pages.push(page);
    response.on("close", () => {
      page.closed = true;
      page.aborted = !response.writableFinished;
    });
    send(response, (await respond({ ...page, forward })) || (await forward()));
  });
  server.on("upgrade", (request, client, head) => {
    const upstream = connect(Number(port), hostname);
    const headers = request.rawHeaders.map((text, index) => text + (index % 2 ? "\r\n" : ": "));
    upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
    upstream.write(head);
    for (const [source, destination] of [
      [client, upstream],
      [upstream, client],
    ]) {
      source.on("error", () => {});
      source.on("close", () => destination.destroy());
      source.pipe(destination);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  after(() => server.close() && server.closeAllConnections());
  const proxy = {
    url: `http://127.0.0.1:${server.address().port}/`,
    /**
     * The requests for pages so far. `closed`: the response has ended. `aborted`: the client closed
     * the connection before the response was complete.
     */
    pages: [],
  };
  return proxy;
}

async function forwardRequest({ method, url: path, headers }, { hostname, port }) {
  const forwarded = httpRequest({ method, path, headers, hostname, port, agent: false }).end();
  const [response] = await once(forwarded, "response");
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, body };
}

function send(response, { status, headers = {}, body = "" }) {
  if (status === undefined) return response.destroy();
  response.writeHead(status, headers);
  const isRaw = typeof body === "string" || Buffer.isBuffer(body);
  response.end(isRaw ? body : JSON.stringify(body));
}
