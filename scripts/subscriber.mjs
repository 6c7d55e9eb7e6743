// A subscriber as a backend would write it. It reconnects with the id of the last event it received;
// `wrangler dev` closes the connection at each rebuild.
import { setTimeout as delay } from "node:timers/promises";

import { ScriptError } from "./terminal.mjs";

const RECONNECT_DELAY_MS = 500;

/**
 * Connects to `url` and calls `onEvent` with each event after `lastEventId`. `getToken` returns an
 * access token. The result's `authenticated` resolves when the Worker accepts the first token, and
 * rejects if the connection closes before that.
 */
export function subscribe(url, { getToken, lastEventId, onEvent }) {
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
      reject(
        new ScriptError(
          `The Worker closed the subscriber's connection with code ${code}: read its output above.`,
        ),
      );
      await delay(RECONNECT_DELAY_MS);
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
