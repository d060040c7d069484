// Says whether a URL's host is this machine. Only exact forms count: "starts with 127." would accept
// `127.evil.example`.

export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}
