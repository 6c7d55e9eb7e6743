// A page that signs its user out when the session ends elsewhere.
import "./style.css";

import { Auth0Provider } from "@auth0/auth0-react";
import { createRoot } from "react-dom/client";

import { App } from "./app.jsx";
import { Session } from "./session.jsx";

const { issuer, clientId, audience } = SETTINGS;

createRoot(document.getElementById("root")).render(
  <Auth0Provider
    domain={issuer.replace(/\/$/, "")}
    clientId={clientId}
    useRefreshTokens
    cacheLocation="localstorage"
    authorizationParams={{
      redirect_uri: window.location.origin,
      audience,
      scope: "openid profile email listen:events:self",
    }}
  >
    <Session>
      <App />
    </Session>
  </Auth0Provider>,
);
