import { useAuth0 } from "@auth0/auth0-react";
import { useState } from "react";
import { useSessionEvents } from "session-events/react";

import { useReason } from "./session.jsx";

const REASONS = {
  logout: "You have signed out elsewhere.",
  session_revoked: "Your session was ended: please sign in again.",
  universal_logout: "Your organization has signed you out everywhere.",
  password_changed: "The password was changed: please sign in again.",
  email_changed: "Your email address was changed: please sign in again.",
  phone_changed: "Your phone number was changed: please sign in again.",
  username_changed: "Your username was changed: please sign in again.",
  user_blocked: "An administrator has blocked you.",
  user_deleted: "Your account was deleted.",
  signed_out: "You are no longer signed in.",
};

/** Returns the text for the reason of a sign-out. Types may be added, so there is a text for any. */
const textOf = (reason) =>
  reason && (REASONS[reason] ?? "Your session has ended: please sign in again.");

const MAX_EVENTS = 5;

export function App() {
  const { isLoading, isAuthenticated, error } = useAuth0();
  return (
    <main>
      <h1>My application</h1>
      {error && <p role="alert">{error.message}</p>}
      {isLoading ? <p>Loading…</p> : isAuthenticated ? <Home /> : <Welcome />}
    </main>
  );
}

function Welcome() {
  const { loginWithRedirect } = useAuth0();
  const reason = textOf(useReason());
  return (
    <>
      <p role="status">{reason ?? "Sign in here, and in a second tab. Then sign out in one."}</p>
      <button onClick={() => loginWithRedirect()}>Sign in</button>
    </>
  );
}

function Home() {
  const { user, logout } = useAuth0();
  const [events, setEvents] = useState([]);
  const { state } = useSessionEvents((event) =>
    setEvents((earlier) => [event, ...earlier].slice(0, MAX_EVENTS)),
  );
  return (
    <>
      <p>
        Hello, <b>{user.name}</b>. <small>{user.sub}</small>
      </p>
      <p className="state" data-state={state}>
        Session events: {state}
      </p>
      {events.length > 0 && (
        <ul aria-label="Events">
          {events.map(({ id, type, date, session_id }) => (
            <li key={id}>
              {type} <small>{[new Date(date).toLocaleTimeString(), session_id].join(" ")}</small>
            </li>
          ))}
        </ul>
      )}
      <Api />
      <button onClick={() => logout({ logoutParams: { returnTo: window.location.origin } })}>
        Sign out
      </button>
    </>
  );
}

/** Calls the Express example and shows its response. */
function Api() {
  const { getAccessTokenSilently } = useAuth0();
  const [response, setResponse] = useState();

  async function call() {
    const token = await getAccessTokenSilently();
    try {
      const result = await fetch(`${SETTINGS.api}/api/me`, {
        headers: { authorization: `Bearer ${token}` },
      });
      setResponse(`${result.status} ${JSON.stringify(await result.json(), null, 2)}`);
    } catch {
      setResponse(`${SETTINGS.api} does not respond: start the API with npm run example:express.`);
    }
  }
  return (
    <>
      <button onClick={call}>Call the API</button>
      {response && <pre role="status">{response}</pre>}
    </>
  );
}
