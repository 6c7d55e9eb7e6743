/** A URL, or `undefined`. `URL.canParse` is younger than some browsers that are still in use. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether a token or a secret may be sent there: over TLS, or to this very machine. */
export const isSecure = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || protocol === "wss:" || LOOPBACK.test(hostname);
