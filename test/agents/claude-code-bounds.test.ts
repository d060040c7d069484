import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { processIdentity } from "../../src/core/processes/process-tree.ts";
import { startStubModelServer } from "../support/stub-model-server.ts";
import { DONE, driverFor, git, NEVER, openWorktree, type Run, runTurns } from "./claude-rig.ts";
import { shell, verdict, write } from "./claude-script.ts";

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const seen = look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it did not come to pass within a minute");
}

function pidIn(path: string): number | undefined {
  const pid = existsSync(path) ? Number.parseInt(readFileSync(path, "utf8"), 10) : Number.NaN;
  return Number.isNaN(pid) ? undefined : pid;
}

function resultTexts(run: Run): string {
  return JSON.stringify(run.model.requests.at(-1)?.messages);
}

describe("the real Claude Code kept in bounds", () => {
  it("reads and diffs, but changes nothing with read access", async () => {
    await using run = await runTurns(
      [
        shell("git diff HEAD"),
        shell("cat README.md"),
        shell("echo x > by-shell.txt"),
        shell("git diff HEAD --output=by-git.txt"),
        write("by-tool.txt", "x"),
        verdict(DONE),
      ],
      {},
      { access: "read" },
    );

    expect(run.outcome.kind).toBe("completed");
    expect(resultTexts(run)).toContain("# Sample");
    expect(git(run.workshop.turn.directory, "status", "--short")).toBe("");
  });

  it("obeys no settings, hooks, MCP servers or instructions that the repository brings, nor file mentions in a prompt", async () => {
    await using workshop = await openWorktree({ prompt: "Role: implement\nSee @secret.txt and @CLAUDE.md\n" });
    const { directory } = workshop.turn;
    const touch = (name: string) => ({ type: "command", command: `touch ${join(directory, name)}` });
    const hooks = {
      SessionStart: [{ hooks: [touch("hooked")] }],
      PreToolUse: [{ matcher: "*", hooks: [touch("hooked")] }],
    };
    mkdirSync(join(directory, ".claude"));
    writeFileSync(
      join(directory, ".claude", "settings.json"),
      JSON.stringify({ hooks, env: { ANTHROPIC_BASE_URL: "http://127.0.0.1:9" } }),
    );
    writeFileSync(
      join(directory, ".mcp.json"),
      JSON.stringify({ mcpServers: { x: { command: "touch", args: [join(directory, "mcp")] } } }),
    );
    writeFileSync(join(directory, "CLAUDE.md"), "INSTRUCTION-OF-THE-REPOSITORY\n");
    writeFileSync(join(directory, "secret.txt"), "CONTENT-OF-THE-FILE\n");
    await using model = await startStubModelServer([{ turns: [shell("true"), verdict(DONE)] }]);

    const outcome = await driverFor(model).run(workshop.turn, workshop.emit, NEVER);

    expect(outcome.kind).toBe("completed");
    expect(existsSync(join(directory, "hooked"))).toBe(false);
    expect(existsSync(join(directory, "mcp"))).toBe(false);
    expect(JSON.stringify(model.requests)).not.toMatch(/INSTRUCTION-OF-THE-REPOSITORY|CONTENT-OF-THE-FILE/);
  });

  it("is killed with everything it started, also what left its group", async () => {
    await using workshop = await openWorktree();
    const { directory } = workshop.turn;
    const escape =
      "setsid sh -c 'echo $$ > escaped.pid; exec tail -f /dev/null' > /dev/null 2>&1 & echo $$ > shell.pid; exec tail -f /dev/null";
    await using model = await startStubModelServer([{ turns: [shell(escape), verdict(DONE)] }]);
    const stop = new AbortController();

    const running = driverFor(model).run(workshop.turn, workshop.emit, stop.signal);
    const pids = await Promise.all(
      ["escaped.pid", "shell.pid"].map((name) => eventually(() => pidIn(join(directory, name)))),
    );
    const before = await Promise.all(pids.map((pid) => processIdentity(pid)));
    stop.abort();
    const outcome = await running;

    expect(before).not.toContain(null);
    expect(outcome.kind).toBe("killed");
    expect(await Promise.all(pids.map((pid) => processIdentity(pid)))).toEqual([null, null]);
  });
});
