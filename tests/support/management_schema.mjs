// The request bodies and query parameters that Auth0's Management API v2 accepts, for the endpoints
// that a set-up of session-events may use. Anything else is an error, as at Auth0.

const text = (value) => typeof value === "string" && value.length > 0;
const flag = (value) => typeof value === "boolean";
const count = (value) => Number.isInteger(value) && value >= 0;
const texts = (value) => Array.isArray(value) && value.every(text);
const oneOf =
  (...values) =>
  (value) =>
    values.includes(value);
const listOf = (check) => (value) => Array.isArray(value) && value.every(check);
/** Accepts an object with only these members. A name that ends with `!` is required. */
const object = (members) => (value) =>
  value !== null && typeof value === "object" && problemsIn(value, members).length === 0;
const orNull = (check) => (value) => value === null || check(value);

/** Returns the problems of an object, as Auth0 words them. */
export function problemsIn(value, members) {
  const checks = new Map(
    Object.entries(members).map(([name, check]) => [name.replace("!", ""), check]),
  );
  const required = Object.keys(members).filter((name) => name.endsWith("!"));
  const missing = required
    .map((name) => name.replace("!", ""))
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => `Missing required property: ${name}`);
  const invalid = Object.entries(value).flatMap(([name, member]) => {
    const check = checks.get(name);
    if (!check) return [`Additional properties not allowed: ${name}`];
    return check(member) ? [] : [`Invalid value of ${name}: ${JSON.stringify(member)}`];
  });
  return [...missing, ...invalid];
}

const filter = object({ "type!": oneOf("category"), "name!": text });
const piiConfig = object({
  "log_fields!": texts,
  method: oneOf("mask", "hash"),
  algorithm: oneOf("xxhash"),
});
const httpSink = {
  httpAuthorization: text,
  httpContentFormat: oneOf("JSONARRAY", "JSONLINES", "JSONOBJECT"),
  httpContentType: text,
  "httpEndpoint!": (value) => URL.canParse(value),
  httpCustomHeaders: listOf(object({ header: text, value: text })),
};
const resourceServer = {
  name: text,
  scopes: listOf(object({ "value!": text, description: text })),
  signing_alg: oneOf("HS256", "RS256", "RS512", "PS256"),
  signing_secret: text,
  allow_offline_access: flag,
  allow_online_access: flag,
  token_lifetime: (value) => count(value) && value <= 2_592_000,
  token_dialect: text,
  skip_consent_for_verifiable_first_party_clients: flag,
  enforce_policies: flag,
  token_encryption: orNull(object({})),
  consent_policy: orNull(text),
  authorization_details: orNull(listOf(object({ "type!": text }))),
  proof_of_possession: orNull(object({ mechanism: text, required: flag })),
  subject_type_authorization: object({
    user: object({ policy: oneOf("allow_all", "deny_all", "require_client_grant") }),
    client: object({ policy: oneOf("deny_all", "require_client_grant") }),
  }),
};
const page = { page: text, per_page: text, include_totals: text };
const fields = { fields: text, include_fields: text };

/** The members of each request body. */
export const BODIES = {
  "POST /log-streams": {
    name: text,
    "type!": oneOf("http"),
    "sink!": object(httpSink),
    filters: listOf(filter),
    pii_config: piiConfig,
    startFrom: text,
    isPriority: flag,
  },
  "PATCH /log-streams": {
    name: text,
    status: oneOf("active", "paused"),
    sink: object(httpSink),
    filters: listOf(filter),
    pii_config: piiConfig,
    isPriority: flag,
  },
  "POST /resource-servers": { ...resourceServer, "identifier!": text },
  "PATCH /resource-servers": resourceServer,
  "POST /client-grants": {
    client_id: text,
    "audience!": text,
    default_for: oneOf("third_party_clients"),
    organization_usage: oneOf("deny", "allow", "require"),
    allow_any_organization: flag,
    scope: texts,
    subject_type: oneOf("client", "user"),
    authorization_details_types: texts,
    allow_all_scopes: flag,
  },
  "PATCH /client-grants": {
    scope: orNull(texts),
    organization_usage: orNull(oneOf("deny", "allow", "require")),
    allow_any_organization: orNull(flag),
    authorization_details_types: texts,
    allow_all_scopes: orNull(flag),
  },
};

/** The query parameters of each list. */
export const QUERIES = {
  "/log-streams": {},
  "/resource-servers": { ...page, ...fields, identifiers: text },
  "/client-grants": {
    include_totals: text,
    from: text,
    take: text,
    audience: text,
    client_id: text,
    allow_any_organization: text,
    subject_type: text,
    default_for: text,
  },
  "/clients": { ...page, ...fields, is_global: text, is_first_party: text, app_type: text },
};
