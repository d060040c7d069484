import { runInNewContext } from "node:vm";

import { describe, expect, it } from "vitest";

import { SCRIPT } from "../../src/admin/dashboard/script.ts";
import type { RepoEntry } from "../../src/core/messages/supervisor-control.ts";
import { FakeControl } from "./fake-control.ts";
import { SmallPage } from "./small-page.ts";

const CRASH = {
  code: 1,
  signal: null,
  at: "2026-03-01T12:00:00.000Z",
  reason: "<b>it</b> ended",
  last_lines: ["first <script>", "second"],
};

/** The page after the script's first look, and a way to let it look again. */
async function open(list: () => readonly RepoEntry[]): Promise<{ page: SmallPage; look: () => Promise<void> }> {
  const page = new SmallPage();
  const answers: Record<string, () => unknown> = {
    "/api/ping": () => ({ version: "1", uptime_s: 1, ready: true, draining: false, problems: [] }),
    "/api/repos": () => ({ repos: list() }),
    "/api/pipeline": () => ({ items: [], errors: [] }),
    "/api/hitl": () => ({ items: [], errors: [] }),
  };
  let again: (() => void) | undefined;
  let slept = Promise.withResolvers<void>();
  const sleeping = (next: () => void): void => {
    again = next;
    slept.resolve();
  };
  const fetch = (path: string) => Promise.resolve({ ok: true, json: () => Promise.resolve(answers[path]?.()) });
  runInNewContext(SCRIPT, { document: page, location: { search: "" }, URLSearchParams, fetch, setTimeout: sleeping });
  await slept.promise;
  const look = async (): Promise<void> => {
    slept = Promise.withResolvers();
    again?.();
    await slept.promise;
  };
  return { page, look };
}

describe("the dashboard's table of repositories", () => {
  it("unfolds the last lines of a worker that crashed, as text, for keyboard and touch too", async () => {
    const control = new FakeControl();
    control.put("acme-web", "quarantined");
    const crashed = control.list().map((entry) => ({ ...entry, last_exit: CRASH }));

    const { page } = await open(() => crashed);
    const [details] = page.getElementById("repos").all("details");

    expect(details?.hidden).toBe(false);
    expect(details?.children.map(({ tag, textContent }) => [tag, textContent])).toEqual([
      ["summary", "Last lines"],
      ["pre", "first <script>\nsecond"],
    ]);
    expect(details?.children[0]?.attributes["aria-label"]).toBe("Last lines of acme-web");
  });

  it("keeps them unfolded over the next look, with what is in them by then", async () => {
    const control = new FakeControl();
    control.put("acme-web", "quarantined");
    let lines = ["one"];
    const list = () => control.list().map((entry) => ({ ...entry, last_exit: { ...CRASH, last_lines: lines } }));
    const { page, look } = await open(list);
    const [details] = page.getElementById("repos").all("details");
    if (details === undefined) throw new Error("nothing to unfold");

    details.open = true;
    lines = ["two"];
    await look();

    expect(page.getElementById("repos").all("details")).toEqual([details]);
    expect([details.open, details.all("pre")[0]?.textContent]).toEqual([true, "two"]);
  });

  it("has nothing to unfold where a worker said nothing, or never ended", async () => {
    const control = new FakeControl();
    control.put("acme-web", "running");
    control.put("acme-api", "running");
    const [web, api] = control.list();
    if (web === undefined || api === undefined) throw new Error("two were put");

    const { page } = await open(() => [web, { ...api, last_exit: { ...CRASH, last_lines: [] } }]);

    expect(
      page
        .getElementById("repos")
        .all("details")
        .map(({ hidden }) => hidden),
    ).toEqual([true, true]);
  });
});
