// Presents an access token over HTTP (checked by the Worker) or on a socket (checked by the tenant
// object). Both functions return "accepted" or the error code.

export async function authenticateOverHttp(tenant, token = tenant.token()) {
  const response = await tenant.get("/api/events", token);
  const { error = "accepted" } = await response.json();
  return error;
}

/** `options` are those of `Tenant.connect`. */
export async function authenticateOnSocket(tenant, token = tenant.token(), options) {
  const subscriber = await tenant.connect(options);
  const { error = "accepted" } = await subscriber.authenticate(token);
  return error;
}
