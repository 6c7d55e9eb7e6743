// A proxy before a server that passes everything on, except that a test may answer for a page of
// revocations, or hold it back.
import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import { connect } from "node:net";
import { after } from "node:test";

/**
 * `answer` is told of each request for a page: `{token, after, count}`, and `passOn()`, which gives
 * what the server says. It gives `{status, headers, body}`, or nothing to have the request passed
 * on. What is no text in a body is made JSON; without a status, the connection breaks off.
 */
export async function startFront(target, answer = () => undefined) {
  const { hostname, port } = new URL(target);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, target);
    const passOn = () => pass(request, { hostname, port }).catch(() => ({}));
    if (!url.pathname.endsWith("/api/revocations")) return send(response, await passOn());
    const heard = {
      token: request.headers.authorization?.replace(/^Bearer /, ""),
      after: url.searchParams.get("after"),
      count: front.pages.length + 1,
      over: false,
      gone: false,
    };
    front.pages.push(heard);
    response.on("close", () => {
      heard.over = true;
      heard.gone = !response.writableFinished;
    });
    const given = (await answer({ ...heard, passOn })) || (await passOn());
    send(response, given);
  });
  server.on("upgrade", (request, near, head) => {
    const far = connect(Number(port), hostname);
    const headers = request.rawHeaders.map((text, index) => text + (index % 2 ? "\r\n" : ": "));
    far.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
    far.write(head);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  after(() => server.close() && server.closeAllConnections());
  const front = {
    url: `http://127.0.0.1:${server.address().port}/`,
    /** The requests for pages so far; `gone`: the client went before it was answered in full. */
    pages: [],
  };
  return front;
}

async function pass({ method, url: path, headers }, { hostname, port }) {
  const passed = ask({ method, path, headers, hostname, port, agent: false }).end();
  const [response] = await once(passed, "response");
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, body };
}

function send(response, { status, headers = {}, body = "" }) {
  if (status === undefined) return response.destroy();
  response.writeHead(status, headers);
  const ready = typeof body === "string" || Buffer.isBuffer(body);
  response.end(ready ? body : JSON.stringify(body));
}
