// A test page with the code of the README for Vue. The fragment of its URL is a JSON object with
// `url`, `tenant` and `session`, the claims of the user. The page records what happens in
// `window.recorded`. `window.change({ session })` changes the claims.
import { createApp, h } from "vue";
import { useSessionEnd } from "readme:Vue";

import { idTokenClaims } from "./auth0_vue.js";

createApp({
  setup() {
    useSessionEnd();
    return () => h("output", idTokenClaims.value?.sub ?? "nobody");
  },
}).mount("#root");
window.change = ({ session }) => {
  idTokenClaims.value = session;
};
