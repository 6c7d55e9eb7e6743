// The two doors at which an access token can be presented: over HTTP, where the Worker checks it,
// and on a socket, where the tenant's object does. Both tell "accepted", or the error's code.

export async function overHttp(tenant, token = tenant.token()) {
  const response = await tenant.get("/api/events", token);
  const { error = "accepted" } = await response.json();
  return error;
}

export async function onSocket(tenant, token = tenant.token()) {
  const listener = await tenant.connect();
  const { error = "accepted" } = await listener.authenticate(token);
  return error;
}
