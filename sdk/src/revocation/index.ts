// Rejecting tokens of ended sessions in a backend with any framework.
import type { PublicMembers } from "../structural.ts";
import { RevocationList as List, type RevocationListOptions } from "./list.ts";
import { Revocations as Client, type RevocationsOptions } from "./revocations.ts";

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
export type { RevocationListOptions } from "./list.ts";
export type { RevocationsOptions } from "./revocations.ts";
export { endsSession, type RevocationEvent, type SessionClaims } from "./rule.ts";
export type { AccessTokenClaims } from "./token_check.ts";

/** Checks access tokens against the tenant's revocations, and keeps them up to date. */
export interface Revocations extends PublicMembers<Client> {}
/** Checks access tokens against the tenant's revocations, and keeps them up to date. */
export const Revocations: new (options: RevocationsOptions) => Revocations = Client;

/** A bounded list of revocations, for events from any source. */
export interface RevocationList extends PublicMembers<List> {}
/** A bounded list of revocations, for events from any source. */
export const RevocationList: new (options?: RevocationListOptions) => RevocationList = List;
