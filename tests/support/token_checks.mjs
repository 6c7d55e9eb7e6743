// Presents an access token over HTTP, where the Worker checks it, and on a socket, where the
// tenant object checks it. Both functions return "accepted" or the error code.

export async function authenticateOverHttp(tenant, token = tenant.token()) {
  const response = await tenant.get("/api/events", token);
  const { error = "accepted" } = await response.json();
  return error;
}

export async function authenticateOnSocket(tenant, token = tenant.token()) {
  const subscriber = await tenant.connect();
  const { error = "accepted" } = await subscriber.authenticate(token);
  return error;
}
