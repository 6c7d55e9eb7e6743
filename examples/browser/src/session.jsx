// Signs the user out when the session ends elsewhere.
import { useAuth0 } from "@auth0/auth0-react";
import { createContext, useContext, useEffect, useState } from "react";
import { SessionEventsProvider } from "session-events/react";

const { url, tenant } = SETTINGS;

const Reason = createContext();

/** The reason why the user was signed out: an event type, or `"signed_out"` without an event. */
export const useReason = () => useContext(Reason);

export function Session({ children }) {
  const { user, getIdTokenClaims, getAccessTokenSilently, logout } = useAuth0();
  const [session, setSession] = useState();
  const [reason, setReason] = useState();
  useEffect(() => {
    if (user) getIdTokenClaims().then(setSession);
    else setSession(undefined);
    // The default reason: a sign-out in another tab removes this tab's tokens without an event.
    if (user) setReason("signed_out");
  }, [user, getIdTokenClaims]);

  return (
    <SessionEventsProvider
      url={url}
      tenant={tenant}
      session={session}
      getToken={({ fresh }) => getAccessTokenSilently({ cacheMode: fresh ? "off" : "on" })}
      onSessionEnd={async ({ type }) => {
        const current = await getIdTokenClaims();
        // Another tab has a new session, which a logout would end.
        if (current && current.sid !== session.sid) return location.reload();
        setReason(type);
        logout({ openUrl: false });
      }}
      onError={(error) => console.warn(error.message)}
    >
      <Reason value={reason}>{children}</Reason>
    </SessionEventsProvider>
  );
}
