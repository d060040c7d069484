import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { type ForgeProcess, runForge } from "../../src/forge/main.ts";
import { ForgeRig, NAME } from "./forge-rig.ts";

describe("the forge's own API for other processes", () => {
  test("it seeds a repository with files, issues, comments and tokens, and shows state and ledger", async () => {
    await using rig = await ForgeRig.start();
    const ask = control(rig);

    const made = await ask("POST", "repositories", {
      owner: "acme",
      name: "seeded",
      files: { "a.txt": "a" },
      ci: { command: "true" },
    });
    await ask("POST", "issues", { repo: "acme/seeded", title: "One", labels: ["find"], author: "ann" });
    await ask("POST", "comments", { repo: "acme/seeded", number: 1, author: "bob", body: "hello" });
    await ask("POST", "tokens", { token: "token-of-bob", login: "bob" });
    await ask("POST", "commits", { repo: "acme/seeded", branch: "new", message: "More", files: { b: "b" } });
    await ask("POST", "collaborators", { repo: "acme/seeded", login: "bob", permission: "write" });
    const state = await ask("GET", "state");
    const ledger = await ask("GET", "ledger?after=2");

    expect(made.body).toEqual({ fullName: "acme/seeded", cloneUrl: `${rig.forge.url}/acme/seeded.git` });
    expect(rig.forge.issue("acme/seeded", 1)).toMatchObject({ title: "One", author: "ann", labels: ["find"] });
    expect(rig.forge.comments("acme/seeded", 1)).toMatchObject([{ author: "bob", body: "hello" }]);
    expect(Object.keys(rig.forge.refs("acme/seeded"))).toEqual(["refs/heads/main", "refs/heads/new"]);
    expect((await rig.client("token-of-bob").repos.get({ owner: "acme", repo: "seeded" })).data.permissions?.push).toBe(
      true,
    );
    expect(state.body).toMatchObject({
      url: rig.forge.url,
      repositories: [{ fullName: NAME }, { fullName: "acme/seeded" }],
    });
    expect(ledger.body).toEqual(JSON.parse(JSON.stringify(rig.forge.ledger.slice(2))));
  });

  test("it plans and clears faults, and is never struck itself", async () => {
    await using rig = await ForgeRig.start();
    const ask = control(rig);

    await ask("POST", "faults", {
      match: { pathPattern: "/repos/[a-z]+/web$" },
      times: 3,
      fault: { kind: "status", status: 502 },
    });
    const struck = await rig.fetch(`/repos/${NAME}`);
    const cleared = await ask("DELETE", "faults");
    const whole = await rig.fetch(`/repos/${NAME}`);

    expect([struck.status, cleared.status, whole.status]).toEqual([502, 200, 200]);
  });

  test("it opens to the control token alone, and refuses what it does not know", async () => {
    await using rig = await ForgeRig.start();
    const ask = control(rig);
    const withGitHubToken = await rig.fetch("/_forge/state");
    const withNone = await fetch(`${rig.forge.url}/_forge/state`);

    expect([withGitHubToken.status, withNone.status]).toEqual([401, 401]);
    expect((await ask("POST", "issues", { repo: NAME, title: "One", colour: "red" })).status).toBe(422);
    expect((await ask("POST", "issues", { repo: "acme/nowhere", title: "One" })).status).toBe(422);
    expect((await ask("POST", "nonsense", {})).status).toBe(404);
    expect(rig.forge.issues(NAME)).toEqual([]);
  });
});

describe("hydraflow forge", () => {
  test("prints where it is on one line, serves, and stops cleanly on SIGTERM", async () => {
    const directory = await mkdtemp(join(tmpdir(), "forge-main-"));
    const announced = Promise.withResolvers<string>();
    const listeners = new Map<string, () => void>();
    const io: ForgeProcess = {
      stdout: { write: announced.resolve },
      stderr: { write: () => undefined },
      once: (signal, listener) => listeners.set(signal, listener),
    };
    try {
      const running = runForge({ port: 0, data: directory, ci: "true" }, io);
      const line = await announced.promise;
      const { url, token, port } = JSON.parse(line) as { url: string; token: string; port: number };
      const user = await fetch(`${url}/user`, { headers: { authorization: `Bearer ${token}` } });
      listeners.get("SIGTERM")?.();
      await running;

      expect(line.endsWith("\n")).toBe(true);
      expect(url).toBe(`http://127.0.0.1:${port}`);
      expect(user.status).toBe(200);
      await expect(fetch(url)).rejects.toThrow("fetch failed");
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

function control(rig: ForgeRig) {
  return async (method: string, name: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${rig.forge.controlToken}` };
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const response = await fetch(`${rig.forge.url}/_forge/${name}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
}
