// Creates the settings on standard input in the tenant DOMAIN with npm's `auth0`, and prints all APIs,
// grants and log streams as JSON: node auth0_client.mjs DOMAIN TOKEN
import { text } from "node:stream/consumers";

import { ManagementClient } from "auth0";

const [domain, token] = process.argv.slice(2);
const management = new ManagementClient({ domain, token });
const { resourceServers, clientGrants, logStreams } = JSON.parse(await text(process.stdin));

for (const api of resourceServers) await management.resourceServers.create(api);
for (const grant of clientGrants) await management.clientGrants.create(grant);
for (const { status, ...stream } of logStreams) {
  const { id } = await management.logStreams.create(stream);
  // A new log stream is active. Only an update may contain the status.
  await management.logStreams.update(id, { status });
}

const all = async (page) => {
  const items = [];
  for await (const item of page) items.push(item);
  return items;
};
// Auth0 finds an API by its identifier as well.
for (const { identifier } of resourceServers) await management.resourceServers.get(identifier);
const listed = {
  resourceServers: await all(await management.resourceServers.list()),
  clientGrants: await all(await management.clientGrants.list({ take: 1 })),
  logStreams: await management.logStreams.list(),
};
console.log(JSON.stringify(listed));
