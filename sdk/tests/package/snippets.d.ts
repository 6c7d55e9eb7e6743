// The names that snippets of the documentation use without a declaration.
import type { IdToken, useAuth0 } from "@auth0/auth0-react";
import type { Auth0Client } from "@auth0/auth0-spa-js";
import type { Express } from "express";
import type { ConfigParams } from "express-openid-connect";
import type { ReactNode } from "react";
import type { SessionEvents } from "session-events";
import type { Revocations } from "session-events/revocation";

type Auth0ContextInterface = ReturnType<typeof useAuth0>;

declare global {
  const app: Express;
  const audience: string;
  const auth: typeof import("express-oauth2-jwt-bearer").auth;
  const auth0: Auth0Client;
  const children: ReactNode;
  const events: SessionEvents;
  const getAccessTokenSilently: Auth0ContextInterface["getAccessTokenSilently"];
  const getToken: () => Promise<string>;
  const idTokenClaims: IdToken | undefined;
  const issuer: string;
  const jwks_uri: string;
  const logout: Auth0ContextInterface["logout"];
  const oidc: ConfigParams;
  const revocation: typeof import("session-events/express").revocation;
  const revocations: Revocations;
  const secret: string;
  const SessionEventsProvider: typeof import("session-events/react").SessionEventsProvider;
  const tenant: string;
  const token: string;
  const url: string;
}
