// One sentence for every setting: what it does, its unit and range, and what happens at the edge. `hydraflow config`
// prints them and docs/operations.md lists them; a test compares both ranges and page with the schema.

import type { Setting } from "./config.ts";

export const SETTING_DESCRIPTIONS: Readonly<Record<Setting, string>> = {
  tcpPort:
    "TCP port of the JSON-lines door, 0 to 65535; 0 binds any free port, which supervisor-state.json then names.",
  httpPort: "TCP port of the HTTP door, 0 to 65535; 0 binds any free port, which supervisor-state.json then names.",
  tcpAuth: "Whether the TCP door asks for the token (token) or lets every local process in (none).",
  githubApiUrl: "Base URL of GitHub's REST API; another host is an enterprise host or a compatible forge.",
  githubGitUrl: "Base URL of clones and pushes; it follows from githubApiUrl when absent.",
  githubTokenFile: "File with the GitHub token, beneath the state directory unless absolute; github-token when absent.",
  githubAppId: "Number or client id of the GitHub App to act as, together with githubAppPrivateKeyFile.",
  githubAppInstallationId: "Number of the App's installation, at least 1; it is found by the repository when absent.",
  githubAppPrivateKeyFile: "PEM file of the App's key with mode 0600, beneath the state directory unless absolute.",
  worktreeBase:
    "Absolute directory that has the worktrees of each repository in one of its own; beside the checkout when absent.",
  unprotectedPaths: "Patterns as in .gitignore, at most 200, of protected paths that agents may change all the same.",
  agentDriver: "The agent that works: Claude Code (claude), or the demo agent that needs no model (demo).",
  agentCommand:
    "Program of the agent CLI, a path or a name on PATH; claude when absent. The demo agent's is a script for Node.",
  agentModel: "Model that the agent is asked for; the agent's own default when absent.",
  agentEnvironment:
    "Names of variables that agents get beside a short list of harmless ones; HOME, TMPDIR and others of ours are left out.",
  startConcurrency: "Workers that may start at a time, 1 to 64; the others wait. The number of cores when absent.",
  warmSpare: "Whether one preforked process waits for the next worker that is needed, at some 20 MiB.",
  logFileBytesMax: "Bytes of one log file, 65536 to 1073741824; at the limit it is rotated.",
  logFilesMax:
    "Files of one log with the current one, 1 to 100; the oldest goes at the limit, and 1 means two of half the size.",
  logsBytesMax:
    "Bytes of all logs and transcripts, 67108864 to 1099511627776; beyond that the oldest are emptied or removed.",
  respawnDelayMs:
    "Milliseconds before the first respawn of a crashed worker, 0 to 60000, a quarter more or less; each crash doubles it.",
  respawnDelayMaxMs: "Milliseconds at which the doubling wait before a respawn stays, 0 to 3600000.",
  respawnCountMax: "Crashes within respawnWindowMs, 1 to 10000, at which a repository is quarantined.",
  respawnWindowMs: "Milliseconds for which a crash counts towards the quarantine, 1000 to 86400000.",
  workerRssBytesMax: "Bytes of memory of one worker process, 67108864 to 1099511627776; beyond that it is replaced.",
  labelPrefix: "First part of every label, at most 31 lower-case letters, digits and hyphens; no hyphen comes first.",
  baseBranch: "Branch that changes are based on and merged into; the repository's default branch when absent.",
  gateCommand:
    "Command of the quality gate, run by sh -c; make quality where a Makefile has it, else npm test, when absent.",
  gateSetupCommand:
    "Command before the gate; a clean install where there is a lock file when absent, nothing for none.",
  gateTimeoutMs:
    "Milliseconds for the setup and as many for the gate, 1000 to 14400000; after that it is ended and has failed.",
  pollIntervalMs: "Milliseconds between two listings of issues, 200 to 300000.",
  maxTriagers: "Issues in triage at a time, 1 to 10; the others wait in the queue.",
  maxPlanners: "Issues being planned at a time, 1 to 10; the others wait in the queue.",
  maxWorkers: "Issues being implemented at a time, 1 to 10; the others wait in the queue.",
  maxReviewers: "Issues in review at a time, 1 to 10; the others wait in the queue.",
  maxHitlWorkers: "Answers of people being worked on at a time, 1 to 5; the others wait in the queue.",
  maxIssueAttempts: "Attempts of one issue at one stage, 1 to 10; after the last one a person is asked.",
  maxQualityFixAttempts: "Fixes by the agent after a failed gate, 0 to 10; after the last one the attempt has failed.",
  maxReviewRounds: "Rounds of review and mending, 1 to 10; after the last one a person is asked.",
  maxCiFixAttempts: "Fixes by the agent after failed checks, 0 to 10; after the last one a person is asked.",
  ciTimeoutMs: "Milliseconds to wait for checks of an approved change, 1000 to 14400000; after that a person is asked.",
  ciPollIntervalMs: "Milliseconds between two looks at checks, 100 to 300000.",
  mergeMethod:
    "How the base branch takes a change (squash, merge, rebase); the first that is allowed when absent or not allowed.",
  requiredChecks: "Names of checks that must have reported before a merge, beside those that GitHub requires.",
  checksSettleMs:
    "Milliseconds for which green checks must stay as they are, 0 to 3600000, where nothing tells which checks may come.",
  mergeWithoutChecks: "Whether a change is merged although the repository reports no check for its head at all.",
  waitLimitMs:
    "Milliseconds for which an issue waits for one cause, 1000 to 86400000; after that it is a question or a notice.",
  stallMs:
    "Milliseconds for which an issue that could move may stand still, beside its agent's turn or gate, 1000 to 86400000.",
  agentStartupMs: "Milliseconds until an agent's first word, 100 to 3600000; after that the turn is ended.",
  agentSilenceMs:
    "Milliseconds for which an agent may be silent, four times as long while a tool runs, 100 to 14400000.",
  agentTurnMs: "Milliseconds of one turn of an agent, 100 to 86400000; after that the turn is ended.",
  claimLeaseMs:
    "Milliseconds for which a claim holds without renewal, 1000 to 86400000; a little later others may take it.",
  protectedPaths:
    "Patterns as in .gitignore, at most 200, of paths that need a person's approval beside the built-in ones.",
  protectLockfiles: "Whether lockfiles and the install scripts of package.json need a person's approval too.",
  minPlanWords:
    "Words of a full plan, 0 to 2000; a shorter plan is sent back to the agent once, then a person is asked.",
  gitAuthorName: "Name of the author of commits, at most 4096 characters, without control characters.",
  gitAuthorEmail: "Mail address of the author of commits, at most 4096 characters, without control characters.",
  eventLogBytesMax:
    "Bytes of a repository's event log, on disk and in memory, 65536 to 268435456; the oldest events go first.",
};
