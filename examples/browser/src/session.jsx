// All that an application needs to end with its user's session.
import { useAuth0 } from "@auth0/auth0-react";
import { createContext, useContext, useEffect, useState } from "react";
import { SessionEventsProvider } from "session-events/react";

const { url, tenant } = SETTINGS;

const Reason = createContext();

/** Why the user of this page is no longer signed in: the type of an event, or `"gone"`. */
export const useReason = () => useContext(Reason);

export function Session({ children }) {
  const { user, getIdTokenClaims, getAccessTokenSilently, logout } = useAuth0();
  const [session, setSession] = useState();
  const [reason, setReason] = useState();
  useEffect(() => {
    if (user) getIdTokenClaims().then(setSession);
    else setSession(undefined);
    // Whoever signs out in another tab takes this one's tokens along: no event has to tell.
    if (user) setReason("gone");
  }, [user, getIdTokenClaims]);

  return (
    <SessionEventsProvider
      url={url}
      tenant={tenant}
      session={session}
      getToken={({ fresh }) => getAccessTokenSilently({ cacheMode: fresh ? "off" : "on" })}
      onSessionEnd={async ({ type }) => {
        const now = await getIdTokenClaims();
        // Somebody has signed in anew, in another tab: to log out would end that session.
        if (now && now.sid !== session.sid) return location.reload();
        setReason(type);
        logout({ openUrl: false });
      }}
      onError={(error) => console.warn(error.message)}
    >
      <Reason value={reason}>{children}</Reason>
    </SessionEventsProvider>
  );
}
