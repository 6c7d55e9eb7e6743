// What a backend needs to refuse tokens whose sessions have ended, whatever its framework is.
export {
  clientCredentials,
  LoginError,
  type ClientCredentialsOptions,
} from "./client_credentials.ts";
export {
  MissingClaimsError,
  RevocationError,
  RevocationsUnavailableError,
  TokenRevokedError,
} from "./errors.ts";
export { RevocationList, type RevocationListOptions } from "./list.ts";
export { Revocations, type AccessTokenClaims, type RevocationsOptions } from "./revocations.ts";
export { endsSession, type SessionClaims } from "./rule.ts";
