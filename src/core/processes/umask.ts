// Whoever starts us may have any umask, a container's entry point often none at all.

/**
 * What we make, and what our children make, is writable by nobody else. A stricter umask stays. Node reads one
 * only where it sets one.
 */
export function closeToOthers(host: Pick<NodeJS.Process, "umask">): void {
  host.umask(host.umask(0o077) | 0o022);
}
