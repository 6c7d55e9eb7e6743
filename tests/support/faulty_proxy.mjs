// A TCP proxy that simulates network failures between a client and the Worker.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after } from "node:test";

/** Starts a proxy that forwards connections to `target`, an http URL on this machine. */
export async function startFaultyProxy(target) {
  let { hostname, port } = new URL(target);
  const sockets = new Set();
  let isConnected = true;
  const server = createServer((client) => {
    if (!isConnected) return client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const [source, destination] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(source);
      source.on("error", () => {});
      source.on("close", () => sockets.delete(source) && destination.destroy());
      source.pipe(destination);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const proxy = {
    url: `http://127.0.0.1:${server.address().port}/`,
    /** Drops all connections and rejects new ones until `restore` is called. */
    disconnect() {
      isConnected = false;
      for (const socket of sockets) socket.destroy();
    },
    restore() {
      isConnected = true;
    },
    /** Forwards new connections to another URL, for example to a Worker that has restarted. */
    redirectTo(newTarget) {
      ({ hostname, port } = new URL(newTarget));
    },
    /** Silently discards all further data on the open connections. */
    blackhole() {
      for (const socket of sockets) socket.unpipe();
    },
  };
  after(() => {
    proxy.disconnect();
    server.close();
  });
  return proxy;
}
