// The rooms of src/ and what each is for. A file imports from its own room and from those that stand further down
// beneath the same top folder, so no two rooms import each other; which top folder may import which is `MAY_IMPORT`.
// The linter's rule, test/architecture.test.ts and the table in docs/architecture.md go by this list.

/** Each top folder may import these top folders besides itself. */
export const MAY_IMPORT = {
  core: [],
  worker: ["core"],
  admin: ["core"],
  daemon: ["core", "admin"],
  forge: ["core"],
  demo: ["core", "forge"],
  cli: ["core"],
};

export const ROOMS = {
  "core/checkout": "says whether a directory can be worked beside, and asks git about it in a process of its own",
  "core/config": "the settings: their schema, their layers, and where the token of GitHub comes from",
  "core/http": "what both HTTP doors share: guard, bearer tokens, bodies, problems, the loopback listener",
  "core/logs": "structured logs, their files, and the redaction of secrets",
  "core/processes": "other processes: trees and their marks, recorded groups, the umask, what the machine is short of",
  "core/domain": "what a repository and a stage are called, and the figures of a worker",
  "core/files": "durable files, append-only logs, locks, JSON lines, and where everything lies",
  "core/messages": "what supervisor, doors and workers say to each other",
  "core/base": "results, errors, exit codes, clock and deadlines, schemas",

  worker: "the entry",
  "worker/process": "starts this process, hears its supervisor, and ends it",
  "worker/api": "the worker's HTTP door",
  "worker/runtime": "one repository's runtime: opens its parts, makes GitHub and checkout ready, says its notice",
  "worker/orchestrator":
    "the five loops, one issue through one stage, people's answers, reconciler, orphan sweep, explain",
  "worker/stages": "triage, plan, implement, review, hitl: nothing but the five",
  "worker/merge": "from an approved pull request to the merge: checks, approvals of people, refusals",
  "worker/protection": "which changes need a person, and what such a person's word is bound to",
  "worker/settlement": "what an outcome means for an issue, and how it is carried out",
  "worker/preconditions": "what must be right before an issue is taken: checkout, its configuration, disk, repository",
  "worker/waits": "the book of waits and bugs, and the watch over what stands still",
  "worker/workbench": "what stages do with a worktree and a pull request: agent's session, plan, gate, commit, push",
  "worker/issues": "the queue, labels, comments, questions and answers",
  "worker/github/access": "a credential, and the way to GitHub put together from it",
  "worker/pipeline": "the contract between orchestrator and stages: run, context, workspace, outcome, backoff",
  "worker/git/commits": "makes the commits of a work branch out of what an agent left",
  "worker/github/calls": "what is asked of GitHub and changed there, by subject",
  "worker/agent/claude": "drives Claude Code",
  "worker/attention": "knows which issue's text was read last, when a worker falls silent",
  "worker/git/changes": "reads what a change holds, from objects alone",
  "worker/git/worktrees": "worktrees, their branches and fresh checkouts: made, taken again, removed",
  "worker/github/transport": "one request to GitHub: pace, credential, proxy, cache, redirects",
  "worker/prompt": "what agents are asked",
  "worker/agent/contract": "what every agent's driver takes and gives, and how its words are read",
  "worker/claims": "who works on an issue when several workers might",
  "worker/git/guard": "puts git's configuration back where an agent changed it",
  "worker/git/remote": "git's talk with the server, with our credential and from a directory made for one use",
  "worker/agent/process": "an agent's process: environment, home, clocks, transcript",
  "worker/events": "which events a worker emits, and who gets them",
  "worker/git/command": "runs git, says what its failures mean, and removes stale locks",
  "worker/github/port": "GitHub as the pipeline needs it, and what an answer means",
  "worker/state": "what is kept on disk: each issue, the journal of effects, the sessions",
  "worker/text": "text of strangers, made harmless and short",

  admin: "the HTTP door of the supervisor",
  "admin/metrics": "`GET /metrics`",
  "admin/browser": "serves the dashboard's page, and logs browsers in",
  "admin/repositories": "repositories, their workers' doors and their logs",
  "admin/dashboard": "the dashboard's page: markup, style and script",
  "admin/routes": "how a route is declared and described, and the routes about the daemon itself",

  daemon: "the supervisor process put together",
  "daemon/process": "what keeps this process alone, alive and its directory in bounds",
  "daemon/repos":
    "one repository's life: the reducer, the supervisor around it, operations in turn, drain and quarantine",
  "daemon/workers": "spawns workers, talks with them, and ends what they leave",
  "daemon/tcp": "the TCP door: JSON lines",
  "daemon/registry": "which repositories are registered, on disk and by which rules",
  "daemon/settings": "settings and tokens, at the start and after a reload",

  forge: "the embedded forge put together",
  "forge/doors": "its servers: REST, git, pages, GraphQL, control, and the faults that are played there",
  "forge/routes": "REST routes, by subject",
  "forge/graphql": "the few GraphQL documents that it answers",
  "forge/repositories": "what an owner does with repositories",
  "forge/pulls": "pull requests, refs, rules of merging, the merge queue",
  "forge/issues": "issues, comments and labels",
  "forge/api": "how a request is routed, allowed, limited and answered",
  "forge/checks": "checks, suites, and the runner of a repository's own",
  "forge/kernel": "what every part works with, and the one way to make a write known",
  "forge/views": "records as GitHub shows them",
  "forge/store": "records, tokens, apps and the ledger, on disk",
  "forge/git": "bare repositories and git's own server",

  "demo/soak": "lets the demo's world run for an hour, and judges it",
  demo: "sample repositories, and the run that ties forge, daemon and operator together",
  "demo/agent": "an agent that needs no model",

  cli: "the entry",
  "cli/program": "finds the command, completes it, runs it",
  "cli/commands/issues": "commands about issues",
  "cli/commands/repositories": "commands about repositories",
  "cli/commands/supervisor": "commands about the daemon",
  "cli/commands/processes": "commands that become a process of their own",
  "cli/commands/service": "commands about the system's service",
  "cli/client": "talks with the daemon's HTTP door",
  "cli/grammar": "what a command is, and how arguments are read",
  "cli/service": "plans and carries out what systemd or launchd needs",
  "cli/print": "tables and lines for people",
};

const ORDER = new Map(Object.keys(ROOMS).map((room, index) => [room, index]));

/** Says why `from` may not import `to`; null when it may. Both are paths of files, from the root on. */
export function whyNot(from, to) {
  const [here, there] = [roomOf(from), roomOf(to)];
  if (here === null || there === null || here === there) return null;
  const [place, target] = [ORDER.get(here), ORDER.get(there)];
  if (place === undefined) return `src/${here} is no room of scripts/lint/rooms.mjs`;
  if (target === undefined) return `src/${there} is no room of scripts/lint/rooms.mjs`;
  if (here.split("/")[0] !== there.split("/")[0] || place < target) return null;
  return `src/${here} stands below src/${there} and imports nothing from it`;
}

export function roomOf(path) {
  const parts = path.split("/");
  return parts[0] === "src" && parts.length > 2 ? parts.slice(1, -1).join("/") : null;
}
