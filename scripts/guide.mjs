// The lines that a user can paste into a second terminal while `npm start` runs.
import { paint } from "./terminal.mjs";

export function guide(worker, slug, issuer, { token, publishToken }) {
  const tenant = worker + slug;
  const socket = `${tenant.replace("http", "ws")}/api/subscribe`;
  const protocols = '["session-events", "bearer." + process.env.TOKEN]';
  const script = `new WebSocket("${socket}", ${protocols}).onmessage = (m) => console.log(m.data)`;
  const record = `{"log_id":"'$(date +%s)'","data":{"type":"slo","user_id":"auth0|jane"}}`;
  const command = "npm run --silent cli --";
  const address = `--url ${worker.slice(0, -1)} --tenant ${slug}`;
  const application = `--issuer ${issuer} --client-id my-backend --client-secret any`;
  const isUsual = worker.endsWith(":8787/") && issuer.endsWith(":8788/");
  const settings = isUsual ? "" : `SESSION_EVENTS_URL=${worker} AUTH0_ISSUER=${issuer} `;
  const jane = "auth0%7C6182002f34f4dd006b05b5c7";
  const blocks = {
    "The two tokens that the lines below need": [
      `export TOKEN=${token}`,
      `export PUBLISH_TOKEN=${publishToken}`,
    ],
    "Name and version, and how requests are seen": [
      `curl ${worker}`,
      `curl ${tenant}/_debug`,
      `curl ${tenant}/api/_debug`,
    ],
    "A user logs out": [
      `curl ${tenant}/api/publish -H "Authorization: $PUBLISH_TOKEN" -d '[${record}]'`,
    ],
    // The project's own Node, for older ones have no WebSocket.
    "Listen to events": [`node_modules/.bin/node -e '${script}'`],
    "Who listens, and the latest events": [
      `curl ${tenant}/api/listeners -H "Authorization: Bearer $TOKEN"`,
      `curl ${tenant}/api/events -H "Authorization: Bearer $TOKEN"`,
    ],
    "The same with the command line, which stays connected": [
      `${command} listen ${address} ${application}`,
      `${command} doctor ${address} ${application}`,
    ],
    "A page that signs its user out, and an API that refuses the user's token": [
      `${settings}npm run example:browser`,
      `${settings}npm run example:express`,
    ],
    "An administrator blocks the user Jane, and takes that back": [
      `curl ${issuer}api/v2/users/${jane} -X PATCH -d '{"blocked":true}'`,
      `curl ${issuer}api/v2/users/${jane} -X PATCH -d '{"blocked":false}'`,
    ],
    "Another token": [
      `curl ${issuer}oauth/token -d grant_type=client_credentials -d client_id=another-backend`,
    ],
  };
  const text = Object.entries(blocks).map(([title, lines]) =>
    [paint("dim", `# ${title}`), ...lines].map((line) => `  ${line}\n`).join(""),
  );
  return [
    `The live page: ${paint("cyan", `${tenant}/console#issuer=${issuer}`)}\n`,
    "In a second terminal, in this folder:\n",
    ...text,
    "Events are shown here as they come. Ctrl-C ends.\n",
  ].join("\n");
}
