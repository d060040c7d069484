// Every command of the program, in the order of --help.

import { clientCommand, type CommandEntry, commandGroup, ownCommand } from "../grammar/command-entry.ts";

const hitlCommands: readonly CommandEntry[] = [
  clientCommand("list [slug]", "Questions that wait for an answer", () => import("../commands/issues/hitl-list.ts")),
  clientCommand(
    "answer <slug> <issue> [text]",
    "Answer one, or skip or close its issue",
    () => import("../commands/issues/hitl-answer.ts"),
  ),
];

const serviceCommands: readonly CommandEntry[] = [
  ownCommand(
    "install",
    "Write unit or plist, user, directories and token",
    () => import("../commands/service/service-install.ts"),
  ),
  ownCommand(
    "uninstall",
    "Stop the service and remove its file",
    () => import("../commands/service/service-uninstall.ts"),
  ),
  ownCommand("status", "Is it installed, and does it run", () => import("../commands/service/service-status.ts")),
  ownCommand("print", "The unit or plist on stdout", () => import("../commands/service/service-print.ts")),
];

export const COMMANDS: readonly CommandEntry[] = [
  ownCommand("daemon", "Run the supervisor in the foreground", () => import("../commands/processes/daemon.ts")),
  clientCommand("add <target>", "Add a repository and start it", () => import("../commands/repositories/add.ts")),
  clientCommand("remove <slug>", "Stop a repository and forget it", () => import("../commands/repositories/remove.ts")),
  clientCommand("list", "All repositories", () => import("../commands/repositories/list.ts")),
  clientCommand(
    "status [slug]",
    "The daemon, or one repository in full",
    () => import("../commands/repositories/status.ts"),
  ),
  clientCommand("ping", "Is the daemon there", () => import("../commands/supervisor/ping.ts")),
  clientCommand("start <slug>", "Start a stopped repository", () => import("../commands/repositories/start.ts")),
  clientCommand(
    "stop <slug>",
    "Stop a repository until it is started again",
    () => import("../commands/repositories/stop.ts"),
  ),
  clientCommand(
    "restart [slug]",
    "Restart a repository, also out of quarantine; --all --rolling: all, one by one",
    () => import("../commands/repositories/restart.ts"),
  ),
  ownCommand(
    "config",
    "Every setting: its value, where that comes from, and what it means",
    () => import("../commands/supervisor/config.ts"),
  ),
  clientCommand("reload", "Read the configuration again", () => import("../commands/supervisor/reload.ts")),
  clientCommand(
    "drain",
    "Take no new issues, and wait until nothing is in flight; before an upgrade",
    () => import("../commands/supervisor/drain.ts"),
  ),
  clientCommand(
    "logs [slug]",
    "The log of a repository, or the daemon's own",
    () => import("../commands/repositories/logs.ts"),
  ),
  commandGroup("hitl", "Questions for a person: list, answer", hitlCommands),
  clientCommand(
    "explain <slug> <issue>",
    "Where an issue stands and why it is not moving",
    () => import("../commands/issues/explain.ts"),
  ),
  clientCommand("open", "Open the dashboard, signed in", () => import("../commands/supervisor/open.ts")),
  commandGroup("service", "Run the daemon under systemd or launchd", serviceCommands),
  ownCommand(
    "demo",
    "See it work: a forge, a daemon and demo agents on this machine",
    () => import("../commands/processes/demo.ts"),
  ),
  ownCommand("worker <path>", "Run one repository's worker by hand", () => import("../commands/processes/worker.ts")),
  ownCommand("forge", "Run the embedded GitHub-compatible forge alone", () => import("../commands/processes/forge.ts")),
  ownCommand("version", "Name, version and runtime as JSON", () => import("../commands/supervisor/version.ts")),
];
