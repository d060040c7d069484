// CPU time says how much work something was, whatever else the machine has to do meanwhile.

/** Gives the CPU time of this process so far. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
