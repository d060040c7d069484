// The exit codes of every HydraFlow process: one table, compared with docs/operations.md and packaging/ by a test.
// The numbers follow sysexits(3), so that service managers and scripts read them without a legend.

export const EXIT_CODES = {
  ok: { code: 0, meaning: "done, or stopped as asked", restart: false },
  failure: { code: 1, meaning: "failed; a service manager may start it again", restart: true },
  usage: { code: 64, meaning: "the command line is wrong", restart: false },
  noDaemon: { code: 69, meaning: "no daemon answers", restart: false },
  shortage: {
    code: 71,
    meaning:
      "the machine is short of disk, inodes, memory, descriptors or processes; it goes on when there is some again",
    restart: true,
  },
  tryAgain: {
    code: 75,
    meaning: "busy now, for instance a second daemon on one state directory; try again",
    restart: true,
  },
  notPermitted: {
    code: 77,
    meaning: "not permitted: token missing or wrong, or files owned by someone else",
    restart: false,
  },
  badConfig: { code: 78, meaning: "the configuration is wrong; a restart does not help", restart: false },
} as const;

export type ExitName = keyof typeof EXIT_CODES;
export type ExitCode = (typeof EXIT_CODES)[ExitName]["code"];
