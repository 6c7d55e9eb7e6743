// The commands that `npm start` prints, for pasting into a second terminal.
import { paint } from "./terminal.mjs";

export function guide(worker, slug, issuer, audience, { token, publishToken }) {
  const tenant = worker + slug;
  const socket = `${tenant.replace("http", "ws")}/api/subscribe`;
  const protocols = '["session-events", "bearer." + process.env.TOKEN]';
  const script = `new WebSocket("${socket}", ${protocols}).onmessage = (m) => console.log(m.data)`;
  const record = `{"log_id":"'$(date +%s)'","data":{"type":"slo","user_id":"auth0|jane"}}`;
  const command = "npm run --silent cli --";
  const address = `--url ${worker.slice(0, -1)} --tenant ${slug}`;
  const application = `--issuer ${issuer} --audience ${audience} --client-id my-backend --client-secret any`;
  const hasDefaultPorts = worker.endsWith(":8787/") && issuer.endsWith(":8788/");
  const settings = hasDefaultPorts ? "" : `SESSION_EVENTS_URL=${worker} AUTH0_ISSUER=${issuer} `;
  const jane = "auth0%7C6182002f34f4dd006b05b5c7";
  const commands = {
    "The two tokens that the commands below use": [
      `export TOKEN=${token}`,
      `export PUBLISH_TOKEN=${publishToken}`,
    ],
    "Name, version and how the Worker reads a request": [
      `curl ${worker}`,
      `curl ${tenant}/_debug`,
      `curl ${tenant}/api/_debug`,
    ],
    "Publish the logout of a user": [
      `curl ${tenant}/api/publish -H "Authorization: $PUBLISH_TOKEN" -d '[${record}]'`,
    ],
    // Uses the project's own Node, because older versions have no WebSocket.
    "Subscribe to events": [`node_modules/.bin/node -e '${script}'`],
    "List the subscribers and the latest events": [
      `curl ${tenant}/api/listeners -H "Authorization: Bearer $TOKEN"`,
      `curl ${tenant}/api/events -H "Authorization: Bearer $TOKEN"`,
    ],
    "Subscribe with the command line, which reconnects, and check the set-up": [
      `${command} listen ${address} ${application}`,
      `${command} doctor ${address} ${application}`,
    ],
    "Run the examples: a page that signs its user out, and an API that rejects revoked tokens": [
      `${settings}npm run example:browser`,
      `${settings}npm run example:express`,
    ],
    "Block the user Jane as an administrator, and unblock her": [
      `curl ${issuer}api/v2/users/${jane} -X PATCH -d '{"blocked":true}'`,
      `curl ${issuer}api/v2/users/${jane} -X PATCH -d '{"blocked":false}'`,
    ],
    "Get another token": [
      `curl ${issuer}oauth/token -d grant_type=client_credentials -d client_id=another-backend`,
    ],
  };
  const text = Object.entries(commands).map(([title, lines]) =>
    [paint("dim", `# ${title}`), ...lines].map((line) => `  ${line}\n`).join(""),
  );
  return [
    `The console: ${paint("cyan", `${tenant}/console#issuer=${issuer}`)}\n`,
    "In a second terminal, in this folder:\n",
    ...text,
    "New events are printed below. Ctrl-C ends.\n",
  ].join("\n");
}
