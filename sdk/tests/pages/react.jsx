// A test page with one component. The fragment of its URL is a JSON object with the props of the
// provider. `strict` turns on React's strict mode, `activity` is the mode of an `<Activity>` around
// everything, `tokenFailure` is the error code with which `getToken` fails, and `onError` is the name of
// an error handler. The page records what happens in `window.recorded`. `window.change({…})` renders it again with
// changed props.
import { Activity, StrictMode, version } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { SessionEventsProvider, useSessionEvents } from "session-events/react";

const { strict, ...initialProps } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const recorded = { states: [], events: [], ended: [], gaps: 0, errors: [], tokens: 0 };
window.recorded = recorded;
window.reactVersion = version;

function Status() {
  const { state } = useSessionEvents((event) => recorded.events.push(event.id));
  if (recorded.states.at(-1) !== state) recorded.states.push(state);
  return <output>{state}</output>;
}

const errorHandlers = {
  record: ({ code }) => recorded.errors.push(code),
  throw() {
    throw new Error("onError failed");
  },
  none: undefined,
};

function App({ activity, generation, onError = "record", tokenFailure, ...props }) {
  const application = (
    <SessionEventsProvider
      {...props}
      getToken={() => {
        recorded.tokens += 1;
        if (tokenFailure) throw Object.assign(new Error("No token."), { error: tokenFailure });
        return window.tokenOf(props.session.sub);
      }}
      onSessionEnd={({ id, reason }) => recorded.ended.push(`${id ?? reason}${generation ?? ""}`)}
      onGap={() => (recorded.gaps += 1)}
      onError={errorHandlers[onError]}
    >
      <Status />
    </SessionEventsProvider>
  );
  return activity ? <Activity mode={activity}>{application}</Activity> : application;
}

const root = createRoot(document.getElementById("root"));
let props = initialProps;
window.change = (changes) => {
  props = { ...props, ...changes };
  const app = <App {...props} />;
  flushSync(() => root.render(strict ? <StrictMode>{app}</StrictMode> : app));
};
window.change({});
