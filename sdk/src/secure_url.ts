/** Parses a URL. Returns `undefined` on failure. Some browsers in use do not have `URL.canParse`. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Returns whether secrets may be sent to this URL: over TLS, or to a loopback address. */
export const isSecure = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || protocol === "wss:" || LOOPBACK.test(hostname);
