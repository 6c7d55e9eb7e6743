// An application of one component. The fragment of its address is a JSON object: the service, the
// tenant, the claims of the session, and whether React is strict. What happens is written down in
// `window.seen`; `window.change({…})` renders anew with other props.
import { StrictMode } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { SessionEventsProvider, useSessionEvents } from "session-events/react";

const { strict, ...start } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const seen = (window.seen = { states: [], events: [], ended: [], gaps: 0, errors: [], tokens: 0 });

function Status() {
  const { state } = useSessionEvents((event) => seen.events.push(event.id));
  if (seen.states.at(-1) !== state) seen.states.push(state);
  return <output>{state}</output>;
}

function App({ generation, ...props }) {
  return (
    <SessionEventsProvider
      {...props}
      getToken={() => {
        seen.tokens += 1;
        return window.tokenOf(props.session.sub);
      }}
      onSessionEnd={({ id }) => seen.ended.push(`${id}${generation ?? ""}`)}
      onGap={() => (seen.gaps += 1)}
      onError={({ code }) => seen.errors.push(code)}
    >
      <Status />
    </SessionEventsProvider>
  );
}

const root = createRoot(document.getElementById("root"));
let props = start;
window.change = (changes) => {
  props = { ...props, ...changes };
  const app = <App {...props} />;
  flushSync(() => root.render(strict ? <StrictMode>{app}</StrictMode> : app));
};
window.change({});
