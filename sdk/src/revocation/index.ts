// Rejecting tokens of ended sessions in a backend with any framework.
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
