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
  const [claims, setClaims] = useState();
  const [reason, setReason] = useState();
  useEffect(() => {
    if (user) void getIdTokenClaims().then(setClaims);
    else setClaims(undefined);
    // The default reason: Auth0's library forgets the user when it gets no token.
    if (user) setReason("signed_out");
  }, [user, getIdTokenClaims]);

  async function onSessionEnd({ type }) {
    const current = await getIdTokenClaims();
    // Another tab has a new session, which a logout would end.
    if (current && current.sid !== claims?.sid) return location.reload();
    setReason(type);
    await logout({ openUrl: false });
  }

  return (
    <SessionEventsProvider
      url={url}
      tenant={tenant}
      session={user && claims}
      getToken={({ fresh }) => getAccessTokenSilently({ cacheMode: fresh ? "off" : "on" })}
      onSessionEnd={onSessionEnd}
      onError={(error) => console.warn(error.message)}
    >
      <Reason value={reason}>{children}</Reason>
    </SessionEventsProvider>
  );
}
