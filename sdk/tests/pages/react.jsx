// A test page with one component. The fragment of its URL is a JSON object with the props of the
// provider, and `strict` for React's strict mode. The page records what happens in
// `window.recorded`. `window.change({…})` renders it again with changed props.
import { StrictMode } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { SessionEventsProvider, useSessionEvents } from "session-events/react";

const { strict, ...initialProps } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const recorded = { states: [], events: [], ended: [], gaps: 0, errors: [], tokens: 0 };
window.recorded = recorded;

function Status() {
  const { state } = useSessionEvents((event) => recorded.events.push(event.id));
  if (recorded.states.at(-1) !== state) recorded.states.push(state);
  return <output>{state}</output>;
}

function App({ generation, ...props }) {
  return (
    <SessionEventsProvider
      {...props}
      getToken={() => {
        recorded.tokens += 1;
        return window.tokenOf(props.session.sub);
      }}
      onSessionEnd={({ id }) => recorded.ended.push(`${id}${generation ?? ""}`)}
      onGap={() => (recorded.gaps += 1)}
      onError={({ code }) => recorded.errors.push(code)}
    >
      <Status />
    </SessionEventsProvider>
  );
}

const root = createRoot(document.getElementById("root"));
let props = initialProps;
window.change = (changes) => {
  props = { ...props, ...changes };
  const app = <App {...props} />;
  flushSync(() => root.render(strict ? <StrictMode>{app}</StrictMode> : app));
};
window.change({});
