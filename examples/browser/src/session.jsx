// All that an application needs to end with its user's session.
import { useAuth0 } from "@auth0/auth0-react";
import { useEffect, useState } from "react";
import { SessionEventsProvider } from "session-events/react";

const { url, tenant } = SETTINGS;

export function Session({ children }) {
  const { isAuthenticated, getIdTokenClaims, getAccessTokenSilently, logout } = useAuth0();
  const [session, setSession] = useState();
  useEffect(() => {
    if (isAuthenticated) getIdTokenClaims().then(setSession);
    else setSession(undefined);
  }, [isAuthenticated, getIdTokenClaims]);

  return (
    <SessionEventsProvider
      url={url}
      tenant={tenant}
      session={session}
      getToken={({ fresh }) => getAccessTokenSilently({ cacheMode: fresh ? "off" : "on" })}
      onSessionEnd={({ type }) => {
        sessionStorage.setItem("why", type);
        logout({ openUrl: false });
      }}
      onError={(error) => console.warn(error.message)}
    >
      {children}
    </SessionEventsProvider>
  );
}
