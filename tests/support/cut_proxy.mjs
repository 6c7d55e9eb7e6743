// A network between a client and the worker that can be cut: every connection through it breaks
// off, and none comes about until it is mended. It can also swallow all that is sent, with nobody
// being told; and it can lead elsewhere, as to a worker that has come back at another port.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after } from "node:test";

/** Passes everything on to `target`, an http URL on this machine. */
export async function startCutProxy(target) {
  let { hostname, port } = new URL(target);
  const sockets = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => sockets.delete(one) && other.destroy());
      one.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const proxy = {
    url: `http://127.0.0.1:${server.address().port}/`,
    cut() {
      whole = false;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      whole = true;
    },
    leadTo(other) {
      ({ hostname, port } = new URL(other));
    },
    /** From now on, what is sent on the connections that there are arrives nowhere. */
    swallow() {
      for (const socket of sockets) socket.unpipe();
    },
  };
  after(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}
