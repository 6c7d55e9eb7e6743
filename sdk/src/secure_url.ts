const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether a token or a secret may be sent there: over TLS, or to this very machine. */
export const isSecure = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || protocol === "wss:" || LOOPBACK.test(hostname);
