// Stands in for `@auth0/auth0-vue`: the members that the README uses.
import { shallowRef } from "vue";

const { session } = JSON.parse(decodeURIComponent(location.hash.slice(1)));

export const idTokenClaims = shallowRef(session);
window.recorded = { tokens: 0, logouts: [] };

export const useAuth0 = () => ({
  idTokenClaims,
  async getAccessTokenSilently() {
    window.recorded.tokens += 1;
    const { tokenFailure, sub } = idTokenClaims.value;
    if (tokenFailure) throw Object.assign(new Error("No token."), { error: tokenFailure });
    return window.tokenOf(sub);
  },
  async logout(options) {
    window.recorded.logouts.push(options);
    idTokenClaims.value = undefined;
  },
});
