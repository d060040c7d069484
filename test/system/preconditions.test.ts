// Things happen around the daemon while it works on an issue: to the operator's checkout, and to the clock. What the
// operator has there is never touched, nothing of ours is lost, and what keeps it from working can be seen.

import { statSync } from "node:fs";
import { appendFile, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { Rig } from "../daemon/daemon-rig.ts";
import { CLI } from "../support/built-program.ts";
import { DaemonRig, until } from "../support/daemon-rig.ts";
import { git } from "../support/sample-checkout.ts";
import { gone, MERGED_ONCE, SLUG, TurnRig } from "../support/turn-rig.ts";

const WORKER = CLI.replace(/cli\.js$/, "worker.js");
const SET_BACK_CLOCK = new URL("../fixtures/set-back-clock.ts", import.meta.url);
const YEAR_MS = 365 * 86_400_000;

/** Starts a daemon with the repository, at work. */
async function startDaemon(turns: TurnRig): Promise<DaemonRig> {
  const daemon = await DaemonRig.start({ config: turns.config, environment: turns.environment });
  await daemon.http("POST", "/api/repos", { path: turns.checkout });
  return daemon;
}

async function untilNotice(daemon: DaemonRig, wanted: string | null): Promise<void> {
  await until(
    async () => {
      const notice = (await daemon.repositories())[0]?.notice ?? null;
      return wanted === null ? notice === null : notice?.includes(wanted) === true;
    },
    `the notice ${wanted ?? "is gone"}`,
  );
}

/** Gives what the operator sees of the checkout. */
async function ownersView(checkout: string): Promise<string[]> {
  const look = (...words: string[]): Promise<string> => git(checkout, ...words);
  return [
    await look("status", "--porcelain=v2", "--branch", "--show-stash"),
    await look("diff"),
    await look("diff", "--cached"),
    await look("rev-parse", "HEAD"),
    await readFile(join(checkout, "new.txt"), "utf8"),
  ];
}

test("a checkout with uncommitted work is as it was when an issue has gone from label to merge, and after the removal", async () => {
  await using turns = await TurnRig.make();
  await appendFile(join(turns.checkout, "README.md"), "edited\n");
  await writeFile(join(turns.checkout, "staged.txt"), "staged\n");
  await git(turns.checkout, "add", "staged.txt");
  await writeFile(join(turns.checkout, "new.txt"), "new\n");
  const before = await ownersView(turns.checkout);
  await using daemon = await startDaemon(turns);

  const outcome = await turns.outcome(await turns.fileIssue());
  // The removal is refused until the worker has put away the worktree.
  await until(async () => (await daemon.http("DELETE", `/api/repos/${SLUG}`)).status === 200, "the removal");

  expect(outcome).toEqual(MERGED_ONCE);
  expect(await ownersView(turns.checkout)).toEqual(before);
});

test.each(["000", "077"])(
  "with the umask %s nothing of ours is writable by others, and the work comes out the same",
  async (umask) => {
    await using turns = await TurnRig.make();
    await using daemon = await DaemonRig.start({ config: turns.config, environment: turns.environment, umask });
    await daemon.http("POST", "/api/repos", { path: turns.checkout });

    const outcome = await turns.outcome(await turns.fileIssue());

    expect(outcome).toEqual(MERGED_ONCE);
    const entries = await readdir(daemon.paths.home, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    // A file that is being replaced may be gone by now.
    const modes = files.flatMap((file) => {
      const seen = statSync(file, { throwIfNoEntry: false });
      return seen === undefined ? [] : [[file, seen.mode] as const];
    });
    expect(modes.length).toBeGreaterThan(20);
    expect(modes.filter(([, mode]) => (mode & 0o022) !== 0).map(([file]) => file)).toEqual([]);
  },
);

test("a checkout that is moved away is missed, no issue is taken meanwhile, and the work goes on when it is back", async () => {
  await using turns = await TurnRig.make();
  await using daemon = await startDaemon(turns);
  await turns.outcome(await turns.fileIssue("first"));

  await rename(turns.checkout, `${turns.checkout}-moved`);
  await untilNotice(daemon, `${turns.checkout} is not there`);
  const issue = await turns.fileIssue("second");
  await until(async () => {
    const { body } = await daemon.http("GET", `/api/repos/${SLUG}/worker/issues/${issue}`);
    const why = JSON.stringify(body["why"]);
    return why.includes("number 1 of 1 in the queue of triage") && why.includes("is not there");
  }, "the issue is seen, and why it waits");
  const labels = turns.labels(issue);
  await rename(`${turns.checkout}-moved`, turns.checkout);

  expect(labels).toEqual(["hydraflow-find"]);
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
});

test("a checkout whose origin is changed is left alone, also after a restart, until it names the repository again", async () => {
  await using turns = await TurnRig.make();
  await using daemon = await startDaemon(turns);
  await turns.outcome(await turns.fileIssue("first"));
  const origin = (await git(turns.checkout, "remote", "get-url", "origin")).trim();

  await git(turns.checkout, "remote", "set-url", "origin", "https://github.com/other/thing.git");
  await untilNotice(daemon, "names other/thing, not acme/web");
  const issue = await turns.fileIssue("second");
  await daemon.http("POST", `/api/repos/${SLUG}/restart`);
  await untilNotice(daemon, "names other/thing, not acme/web");
  const labels = turns.labels(issue);
  await git(turns.checkout, "remote", "set-url", "origin", origin);

  expect(labels).toEqual(["hydraflow-find"]);
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
});

test("a clock that is set back by a year in the middle of a turn costs nothing: the next worker resumes it and merges once", async () => {
  await using turns = await TurnRig.make();
  await using rig = await Rig.make();
  const shift = await rig.file("shift", "0");
  const flags = [`--import=${SET_BACK_CLOCK.href}?file=${encodeURIComponent(shift)}`];
  const worker = { runtime: process.execPath, flags, entry: WORKER };
  const environment = { PATH: process.env["PATH"], ...turns.environment };
  const daemon = await rig.daemon(turns.config, { worker, environment });
  await turns.hold("implement");
  const issue = await turns.fileIssue();
  await daemon.ask({ action: "add_repo", path: turns.checkout });
  const first = await turns.turn("implement");

  await writeFile(shift, String(-YEAR_MS));
  process.kill(Number((await daemon.entry(SLUG)).pid), "SIGKILL");
  const second = await turns.turn("implement", 2);
  await gone(first);
  await turns.release("implement");

  expect(second).toMatchObject({ session: first.session, isResumed: true });
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
  const log = await readFile(join(rig.home, SLUG, "logs", "worker.log"), "utf8");
  const years = log
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { ts: string }).ts.slice(0, 4));
  expect(Number(years.at(-1))).toBe(Number(years[0]) - 1);
});
