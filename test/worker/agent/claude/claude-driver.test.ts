import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { Redactor } from "../../../../src/core/logs/redact.ts";
import { homelessOutcome } from "../../../../src/worker/agent/claude/claude-driver.ts";
import { openWorkshop } from "../agent-workshop.ts";
import { driverFor, NEVER, outcomeOf, PATIENT } from "../fake-agent-rig.ts";

function withoutSecret(text: string): string {
  return text.replaceAll("hunter2hunter2", "[redacted]");
}

describe("a home that cannot be made", () => {
  it("is the machine's matter where it is short of something, and the agent's else", () => {
    const short = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });

    expect(() => homelessOutcome(short)).toThrow("ENOSPC");
    expect(homelessOutcome(new Error("ENOTDIR: not a directory"))).toMatchObject({ kind: "never-started" });
  });
});

describe("a turn that ends well", () => {
  it("completes with the verdict, the text and the usage, and tells what happened", async () => {
    await using workshop = await openWorkshop();

    const outcome = await driverFor("happy").run(workshop.turn, workshop.emit, NEVER);

    expect(outcome).toEqual({
      kind: "completed",
      verdict: { outcome: "done", summary: "fake" },
      text: "fine",
      usage: { inputTokens: 12, outputTokens: 5, cachedTokens: 7, costUsd: 0.25, turns: 3 },
    });
    expect(workshop.events).toEqual([
      { type: "started", sessionId: "s", model: "fake-model", version: "9.9.9" },
      { type: "text", text: "hello" },
    ]);
  });

  it("counts what the turn cost, not the whole session", async () => {
    expect(await outcomeOf("resumed")).toMatchObject({ usage: { costUsd: 0.75 } });
  });

  it("keeps every line in a transcript that only the owner can read", async () => {
    await using workshop = await openWorkshop();

    await driverFor("happy").run(workshop.turn, workshop.emit, NEVER);

    const lines = (await readFile(workshop.turn.transcriptFile, "utf8")).trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(["system", "assistant", "result"]);
    expect((await stat(workshop.turn.transcriptFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(workshop.root, "logs", "issue-1"))).mode & 0o777).toBe(0o700);
  });

  it("redacts transcript and events", async () => {
    await using workshop = await openWorkshop();

    await driverFor("secret", { redact: withoutSecret }).run(workshop.turn, workshop.emit, NEVER);

    expect(workshop.events).toContainEqual({ type: "text", text: "the token is [redacted]" });
    expect(await readFile(workshop.turn.transcriptFile, "utf8")).not.toContain("hunter2hunter2");
  });

  it("stays readable when what looks like a secret reaches across the parts of a line", async () => {
    await using workshop = await openWorkshop();

    const outcome = await driverFor("address", { redact: new Redactor().redact }).run(
      workshop.turn,
      workshop.emit,
      NEVER,
    );

    expect(outcome).toMatchObject({
      kind: "completed",
      verdict: { a: "http://example.invalid", b: "somebody@example.invalid" },
    });
    for (const line of (await readFile(workshop.turn.transcriptFile, "utf8")).trim().split("\n")) JSON.parse(line);
  });

  it("gets the prompt on stdin, byte for byte, and the flags of its access", async () => {
    const prompt = `Role: triage\n${"ünïcödé ".repeat(50_000)}`;
    await using reader = await openWorkshop({ prompt, access: "read" });
    await using writer = await openWorkshop({ resume: true });

    const read = await driverFor("stdin").run(reader.turn, reader.emit, NEVER);
    const write = await driverFor("environment").run(writer.turn, writer.emit, NEVER);

    expect(read).toMatchObject({
      kind: "completed",
      verdict: { stdin: createHash("sha256").update(prompt).digest("hex") },
    });
    expect(write).toMatchObject({ kind: "completed", verdict: { cwd: writer.turn.directory } });
    const { args } = (write as { verdict: { args: string[] } }).verdict;
    expect(args).toContain("--resume");
    expect(args.join(" ")).toContain("--permission-mode acceptEdits");
  });

  it("reads a last line without a newline, and passes over lines that are no JSON", async () => {
    expect(await outcomeOf("no-newline")).toMatchObject({ kind: "completed" });
    expect(await outcomeOf("not-json")).toMatchObject({ kind: "completed" });
  });

  it("reads a flood to its end without losing a line", async () => {
    await using workshop = await openWorkshop();

    const outcome = await driverFor("floods").run(workshop.turn, workshop.emit, NEVER);

    expect(outcome.kind).toBe("completed");
    expect(workshop.events.filter((event) => event.type === "text")).toHaveLength(20_000);
  });

  it("completes although the agent does not exit after its result", async () => {
    const outcome = await outcomeOf("verdict-then-hangs", { clocks: { ...PATIENT, silenceMs: 1_000 } });

    expect(outcome).toMatchObject({ kind: "completed", verdict: { outcome: "done" } });
  });

  it("begins a session anew that was to be resumed but was never stored, and resumes one that exists already", async () => {
    await using resumed = await openWorkshop({ resume: true });
    await using begun = await openWorkshop({ resume: false });

    expect(await driverFor("session-unknown").run(resumed.turn, resumed.emit, NEVER)).toMatchObject({
      kind: "completed",
    });
    expect(await driverFor("session-in-use").run(begun.turn, begun.emit, NEVER)).toMatchObject({ kind: "completed" });
  });
});

describe("a turn that does not end well", () => {
  it.each([
    {
      behaviour: "half-line",
      kind: "crashed",
      evidence: /exited with code 0 without a result; 1 of its lines were no JSON/,
    },
    { behaviour: "huge-line", kind: "protocol-error", evidence: /line over the limit/ },
    { behaviour: "no-result", kind: "crashed", evidence: /exited with code 0 without a result/ },
    {
      behaviour: "no-result-exit-3",
      kind: "crashed",
      evidence: /exited with code 3 without a result: something broke/,
    },
    { behaviour: "unauthorised", kind: "auth-missing", evidence: /Not logged in; give the agent a credential/ },
    { behaviour: "login-on-stdout", kind: "auth-missing", evidence: /^Invalid API key · Please run \/login; give the/ },
    { behaviour: "limit-on-stderr", kind: "provider-limited", evidence: /^Error: You've hit your usage limit\./ },
    { behaviour: "talks-of-limits", kind: "crashed", evidence: /1 of its lines were no JSON, the last: \{"type"/ },
    { behaviour: "over-budget", kind: "budget-exceeded", evidence: /maximum budget/ },
    { behaviour: "refuses", kind: "refused", evidence: /cannot help/ },
    { behaviour: "other-error", kind: "crashed", evidence: /it went wrong/ },
    { behaviour: "no-verdict", kind: "protocol-error", evidence: /without a verdict; it was refused: Bash/ },
    { behaviour: "verdict-but-exit-1", kind: "crashed", evidence: /exited with code 1/ },
  ])("is $kind when the agent's behaviour is $behaviour", async ({ behaviour, kind, evidence }) => {
    const outcome = await outcomeOf(behaviour);

    expect(outcome).toMatchObject({ kind, evidence: expect.stringMatching(evidence) as string });
  });

  it("is provider-limited until the time the provider names", async () => {
    expect(await outcomeOf("limited")).toEqual({
      kind: "provider-limited",
      until: new Date(2_000_000_000_000),
      evidence: "limit",
    });
  });

  it("is provider-limited until the time that stands only in words", async () => {
    const inWords = await outcomeOf("limit-in-words");

    expect(inWords).toMatchObject({ kind: "provider-limited", evidence: expect.stringContaining("weekly") as string });
    expect((inWords as { until: Date }).until.toISOString()).toMatch(/T09:00:00.000Z$/);
    expect(await outcomeOf("limit-as-success")).toMatchObject({ until: new Date(2_000_000_000_000) });
  });

  it("has no login when the agent asks for one and waits", async () => {
    const outcome = await outcomeOf("login-then-hangs", { clocks: { ...PATIENT, silenceMs: 200 } });

    expect(outcome.kind).toBe("auth-missing");
  });

  it("is provider-limited for a while when the provider is overloaded", async () => {
    const before = Date.now();

    const outcome = await outcomeOf("overloaded");

    expect(outcome.kind).toBe("provider-limited");
    expect((outcome as { until: Date }).until.getTime()).toBeGreaterThan(before);
  });

  it.each([
    {
      behaviour: "never-prints",
      clocks: { ...PATIENT, startupMs: 200 },
      evidence: /nothing after its start for 200 ms/,
    },
    { behaviour: "prints-then-hangs", clocks: { ...PATIENT, silenceMs: 200 }, evidence: /wrote nothing for 200 ms/ },
    {
      behaviour: "retries-then-hangs",
      clocks: { ...PATIENT, silenceMs: 1_000 },
      evidence: /last request failed: overloaded \(529\)/,
    },
    {
      behaviour: "lost-tool",
      clocks: { ...PATIENT, silenceMs: 500 },
      evidence: /waited for a tool without a word for 2000 ms/,
    },
    { behaviour: "prints-then-hangs", clocks: { ...PATIENT, turnMs: 1_000 }, evidence: /was not done for 1000 ms/ },
  ])("is stalled when a clock runs out: $behaviour", async ({ behaviour, clocks, evidence }) => {
    const outcome = await outcomeOf(behaviour, { clocks });

    expect(outcome).toMatchObject({ kind: "stalled", evidence: expect.stringMatching(evidence) as string });
  });

  it("is not stalled while a tool runs longer than the silence allowed", async () => {
    const environment = { ...process.env, FAKE_TOOL_MS: "1800" };

    const outcome = await outcomeOf("quiet-tool", {
      clocks: { ...PATIENT, silenceMs: 1_000 },
      environment,
      extraEnvironment: ["FAKE_TOOL_MS"],
    });

    expect(outcome.kind).toBe("completed");
  });

  it("never started when there is no such program, or none that may be run", async () => {
    await using workshop = await openWorkshop();
    const plainFile = join(workshop.root, "agent");
    await writeFile(plainFile, "no program", { mode: 0o644 });

    const missing = await outcomeOf("", { command: "hydraflow-no-such-agent", commandArgs: [] });
    const forbidden = await outcomeOf("", { command: plainFile, commandArgs: [] });

    const homeless = await outcomeOf("happy", {}, { home: join(plainFile, "home") });

    expect(homeless).toMatchObject({ kind: "never-started", evidence: expect.stringContaining("ENOTDIR") as string });
    expect(missing).toMatchObject({ kind: "never-started", evidence: expect.stringContaining("ENOENT") as string });
    expect(forbidden).toMatchObject({ kind: "never-started", evidence: expect.stringContaining("EACCES") as string });
  });
});
