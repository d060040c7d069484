// Repositories as an operator reads them: what each is doing, and if it is not running, why.

import type { RepoEntry } from "../../core/messages/supervisor-control.ts";
import { plainText } from "./plain-text.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const HEADINGS = ["SLUG", "REPOSITORY", "STATE", "PID", "RESTARTS", "NOTICE"];

export function formatRepositories(
  repos: readonly RepoEntry[],
  terminal: Pick<Terminal, "isInteractive" | "columns">,
): string {
  if (repos.length === 0) return "No repositories yet. Add one: hydraflow add <path or owner/name>\n";
  return formatTable(HEADINGS, repos.map(rowOf), terminal);
}

export function formatRepository(entry: RepoEntry, terminal: Pick<Terminal, "isInteractive" | "columns">): string {
  const rows = [
    ["slug", entry.slug],
    ["repository", entry.repo],
    ["state", stateOf(entry)],
    ["pid", entry.pid === null ? "-" : `${entry.pid}`],
    ["restarts", `${entry.restarts}`],
    ["last exit", exitOf(entry)],
    ["notice", noticeOf(entry)],
    ["path", entry.path],
    ["log", entry.log_file],
    ["dashboard", entry.dashboard_url],
  ];
  const table = formatTable(["FIELD", "VALUE"], rows, { ...terminal, isInteractive: false });
  const lines = entry.state === "running" ? [] : (entry.last_exit?.last_lines ?? []);
  return lines.length === 0
    ? table
    : `${table}\nIts last lines:\n${lines.map((line) => `  ${plainText(line)}\n`).join("")}`;
}

function rowOf(entry: RepoEntry): string[] {
  return [
    entry.slug,
    entry.repo,
    stateOf(entry),
    entry.pid === null ? "-" : `${entry.pid}`,
    `${entry.restarts}`,
    noticeOf(entry),
  ];
}

/** A stopped repository stays so until someone starts it; one on its way back says so. */
function stateOf(entry: RepoEntry): string {
  if (entry.state === "running" && entry.draining) return "draining";
  return entry.state === "stopped" && entry.desired === "stopped" ? "stopped (by operator)" : entry.state;
}

function exitOf({ last_exit: exit }: RepoEntry): string {
  if (exit === null) return "-";
  if (exit.signal !== null) return `signal ${exit.signal}, ${exit.at}`;
  return exit.code === null ? `never started, ${exit.at}` : `code ${exit.code}, ${exit.at}`;
}

function noticeOf(entry: RepoEntry): string {
  if (entry.notice !== null) return entry.notice;
  if (entry.state === "running" || entry.last_exit === null) return "-";
  return `${entry.last_exit.reason} (${entry.last_exit.at})`;
}
