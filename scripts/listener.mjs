// A listener as any backend would write it: it takes up where it left off when the connection
// ends, which under `wrangler dev` happens at each rebuild.
import { setTimeout as delay } from "node:timers/promises";

import { Fault } from "./terminal.mjs";

const PAUSE = 500;

/**
 * Listens at `url` and hands each event after `lastEventId` to `onEvent`. Resolves when the
 * worker has authenticated the listener for the first time. `getToken` gives a fresh token.
 */
export function listen(url, { getToken, lastEventId, onEvent }) {
  let stopped = false;
  let socket;
  const { promise, resolve, reject } = Promise.withResolvers();

  async function connect() {
    const query = lastEventId ? `?last_event_id=${encodeURIComponent(lastEventId)}` : "";
    socket = new WebSocket(url + query, ["session-events", `bearer.${await getToken()}`]);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "authenticated") resolve(message);
      if (!message.id) return;
      lastEventId = message.id;
      onEvent(message);
    };
    socket.onclose = async ({ code }) => {
      reject(new Fault(`The listener was turned away (close code ${code}).`));
      await delay(PAUSE);
      if (!stopped) await connect();
    };
  }
  connect().catch(reject);
  return {
    authenticated: promise,
    stop() {
      stopped = true;
      socket?.close();
    },
  };
}
