// Every command of the program, in the order of --help.

import { clientCommand, type CommandEntry, commandGroup, ownCommand } from "./command-entry.ts";

const hitlCommands: readonly CommandEntry[] = [
  clientCommand("list [slug]", "Questions that wait for an answer", () => import("./commands/hitl-list.ts")),
  clientCommand(
    "answer <slug> <issue> [text]",
    "Answer one, or skip or close its issue",
    () => import("./commands/hitl-answer.ts"),
  ),
];

const serviceCommands: readonly CommandEntry[] = [
  ownCommand(
    "install",
    "Write unit or plist, user, directories and token",
    () => import("./commands/service-install.ts"),
  ),
  ownCommand("uninstall", "Stop the service and remove its file", () => import("./commands/service-uninstall.ts")),
  ownCommand("status", "Is it installed, and does it run", () => import("./commands/service-status.ts")),
  ownCommand("print", "The unit or plist on stdout", () => import("./commands/service-print.ts")),
];

export const COMMANDS: readonly CommandEntry[] = [
  ownCommand("daemon", "Run the supervisor in the foreground", () => import("./commands/daemon.ts")),
  clientCommand("add <target>", "Add a repository and start it", () => import("./commands/add.ts")),
  clientCommand("remove <slug>", "Stop a repository and forget it", () => import("./commands/remove.ts")),
  clientCommand("list", "All repositories", () => import("./commands/list.ts")),
  clientCommand("status [slug]", "The daemon, or one repository in full", () => import("./commands/status.ts")),
  clientCommand("ping", "Is the daemon there", () => import("./commands/ping.ts")),
  clientCommand("start <slug>", "Start a stopped repository", () => import("./commands/start.ts")),
  clientCommand("stop <slug>", "Stop a repository until it is started again", () => import("./commands/stop.ts")),
  clientCommand(
    "restart [slug]",
    "Restart a repository, also out of quarantine; --all --rolling: all, one by one",
    () => import("./commands/restart.ts"),
  ),
  clientCommand("reload", "Read the configuration again", () => import("./commands/reload.ts")),
  clientCommand(
    "drain",
    "Take no new issues, and wait until nothing is in hand; before an upgrade",
    () => import("./commands/drain.ts"),
  ),
  clientCommand("logs [slug]", "The log of a repository, or the daemon's own", () => import("./commands/logs.ts")),
  commandGroup("hitl", "Questions for a person: list, answer", hitlCommands),
  clientCommand(
    "explain <slug> <issue>",
    "Where an issue stands and why it is not moving",
    () => import("./commands/explain.ts"),
  ),
  clientCommand("open", "Open the dashboard, signed in", () => import("./commands/open.ts")),
  commandGroup("service", "Run the daemon under systemd or launchd", serviceCommands),
  ownCommand(
    "demo",
    "See it work: a forge, a daemon and demo agents on this machine",
    () => import("./commands/demo.ts"),
  ),
  ownCommand("worker <path>", "Run one repository's worker by hand", () => import("./commands/worker.ts")),
  ownCommand("forge", "Run the embedded GitHub-compatible forge alone", () => import("./commands/forge.ts")),
  ownCommand("version", "Name, version and runtime as JSON", () => import("./commands/version.ts")),
];
