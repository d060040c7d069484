// The projects: unit (fast, sources as they are), runs (whole runs of issues, with real git and agents), system (the
// built program, real processes), host (Debian's packages), faults (those of both that inject faults, each many times,
// only by `npm run test:faults`), agents (real agent CLIs, only by `npm run test:agents`) and systemd (a real systemd,
// only by `npm run test:systemd`). They run one after the other, and with few workers, since tests start processes of
// their own.

import { defineConfig } from "vitest/config";

/** Tests that need Debian's packages (strace, rsyslog, prometheus, netcat) or root; `.ci/run` installs these. */
const HOST_TESTS = [
  "test/host/**/*.test.ts",
  "test/faults/disk-faults.test.ts",
  "test/faults/registry-faults.test.ts",
  "test/faults/shortage-faults.test.ts",
  "test/daemon/bad-preconditions.test.ts",
  "test/system/observability-*.test.ts",
];

const UNIT_TIMEOUT_MS = 20_000;
/** Beyond the longest waits of the tests, 240 s each, which a busy machine may need. */
const RUNS_TIMEOUT_MS = 600_000;
const SYSTEM_TIMEOUT_MS = 300_000;
const SYSTEMD_TIMEOUT_MS = 300_000;
const AGENTS_TIMEOUT_MS = 600_000;

// The tool reads its settings from the default export and from nowhere else.
// oxlint-disable-next-line import/no-default-export
export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/runs/**", "test/system/**", "test/agents/**", "test/systemd/**", ...HOST_TESTS],
          testTimeout: UNIT_TIMEOUT_MS,
          hookTimeout: UNIT_TIMEOUT_MS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "runs",
          include: ["test/runs/**/*.test.ts"],
          testTimeout: RUNS_TIMEOUT_MS,
          hookTimeout: RUNS_TIMEOUT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          exclude: HOST_TESTS,
          globalSetup: ["test/support/built-program.ts"],
          testTimeout: SYSTEM_TIMEOUT_MS,
          hookTimeout: SYSTEM_TIMEOUT_MS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "host",
          include: HOST_TESTS,
          globalSetup: ["test/support/built-program.ts"],
          fileParallelism: false,
          testTimeout: SYSTEM_TIMEOUT_MS,
          hookTimeout: SYSTEM_TIMEOUT_MS,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          globalSetup: ["test/support/built-program.ts"],
          hookTimeout: SYSTEM_TIMEOUT_MS,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: "agents",
          include: ["test/agents/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: AGENTS_TIMEOUT_MS,
          hookTimeout: AGENTS_TIMEOUT_MS,
          sequence: { groupOrder: 5 },
        },
      },
      {
        test: {
          name: "systemd",
          include: ["test/systemd/**/*.test.ts"],
          globalSetup: ["test/systemd/requirements.ts"],
          fileParallelism: false,
          testTimeout: SYSTEMD_TIMEOUT_MS,
          hookTimeout: SYSTEMD_TIMEOUT_MS,
          sequence: { groupOrder: 6 },
        },
      },
    ],
  },
});
