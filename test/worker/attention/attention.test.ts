import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Silence } from "../../../src/core/messages/worker-message.ts";
import { Attention } from "../../../src/worker/attention/attention.ts";
import { attentiveGitHub } from "../../../src/worker/attention/attentive-github.ts";
import { attentiveAgent, attentiveGit } from "../../../src/worker/attention/attentive-tools.ts";
import type { AgentDriver } from "../../../src/worker/agent/contract/agent-driver.ts";
import type { Git } from "../../../src/worker/git/command/git.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { type HitlState, type IssueState, UNKNOWN_ISSUE } from "../../../src/worker/state/issue-state.ts";
import { askPerson } from "../../../src/worker/pipeline/question-record.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const ASKED: HitlState = {
  ...{ question: "Which database?", cause: "review", origin: "ready", askedAt: "2026-01-01T00:00:00.000Z" },
  ...{ commentId: null, awaits: null, resumes: false, said: null },
};

let directory: TemporaryDirectory;
let issues: Map<number, IssueState>;
/** Each silence comes a minute later than the one before. */
let silenceCount: number;

beforeEach(async () => {
  directory = await makeTemporaryDirectory();
  issues = new Map();
  silenceCount = 0;
});
afterEach(() => directory[Symbol.asyncDispose]());

const state = { issue: (number: number) => issues.get(number) ?? UNKNOWN_ISSUE, issues: () => issues };

function open(silence: Silence | null = null): Promise<Attention> {
  return Attention.open({ dataRoot: directory.path, silence, state });
}

/** Lets a process turn to something and fall silent, and returns the attention of the next one. */
async function silentOn(last: (attention: Attention) => void, heardAt = new Date(0)): Promise<Attention> {
  using before = await open();
  last(before);
  silenceCount += 1;
  const at = new Date(Date.now() + silenceCount * 60_000).toISOString();
  return await open({ heardAt: heardAt.toISOString(), at });
}

async function suspectOf(number: number): Promise<Attention> {
  (await silentOn((attention) => attention.turnTo(number)))[Symbol.dispose]();
  return silentOn((attention) => attention.turnTo(number));
}

describe("a silence", () => {
  it("counts against the issue that was turned to last, and the second one makes it a suspect", async () => {
    using once = await silentOn((attention) => {
      attention.turnTo(7);
      attention.turnTo(8);
    });
    const afterOne = [once.isSuspect(7), once.isSuspect(8)];
    using twice = await silentOn((attention) => attention.turnTo(8));

    expect(afterOne).toEqual([false, false]);
    expect([twice.isSuspect(7), twice.isSuspect(8), twice.isUnasked(8)]).toEqual([false, true, true]);
  });

  it("counts against nobody where the worker was heard after it had turned there, or reads of many", async () => {
    const heardLater = new Date(Date.now() + 3_600_000);
    for (let round = 0; round < 3; round += 1)
      (await silentOn((attention) => attention.turnTo(8), heardLater))[Symbol.dispose]();
    using attention = await silentOn((before) => {
      before.turnTo(8);
      before.turnTo(null);
    });

    expect(attention.isSuspect(8)).toBe(false);
  });

  it("counts once, however often the next life is begun", async () => {
    using before = await open();
    before.turnTo(8);
    const silence = { heardAt: new Date(0).toISOString(), at: new Date().toISOString() };
    using first = await open(silence);
    first.turnTo(8);
    using second = await open(silence);

    expect(second.isSuspect(8)).toBe(false);
  });

  it("belongs to the issue of a pull request, and to the work that is going on", async () => {
    issues.set(8, { ...UNKNOWN_ISSUE, pull: 12 });
    (await silentOn((attention) => attention.turnTo(12)))[Symbol.dispose]();
    using attention = await silentOn((before) => {
      before.about(8, () => before.turnTo());
    });

    expect([attention.isSuspect(8), attention.isSuspect(12)]).toEqual([true, true]);
  });

  it("is minded with a damaged record and without a place for the breadcrumb too", async () => {
    await mkdir(join(directory.path, "attention.crumb"));
    await writeFile(join(directory.path, "attention.json"), '{"issues": {"8": 3}}');
    using attention = await suspectOf(8);

    expect(attention.isSuspect(8)).toBe(false);
  });
});

describe("a suspect", () => {
  it("is asked about, with the question that it waited for before", async () => {
    using attention = await suspectOf(8);
    const first = attention.suspicion(8);
    issues.set(8, askPerson(UNKNOWN_ISSUE, ASKED));
    const again = attention.suspicion(8);

    expect(first).toMatchObject({ cause: "not-ready", resumes: true });
    expect(first?.question).toMatch(/^The worker of this repository fell silent 2 times while it read the text/);
    expect(again).toMatchObject({ cause: "review", resumes: false });
    expect(again?.question).toMatch(/Which database\?$/);
    expect(attention.suspicion(9)).toBeNull();
  });

  it("is not told by the words of a question, which an agent may choose", async () => {
    using attention = await suspectOf(8);
    const question = attention.suspicion(8)?.question ?? "";
    issues.set(8, askPerson(UNKNOWN_ISSUE, { ...ASKED, question, said: null }));

    expect(attention.isUnasked(8)).toBe(true);
  });

  it("keeps what else ends the wait for the question before, and the checks that one was about", async () => {
    using attention = await suspectOf(8);
    issues.set(8, askPerson({ ...UNKNOWN_ISSUE, askedChecks: ["test"] }, { ...ASKED, awaits: "reviews" }));
    const both = attention.suspicion(8);
    const asked = { ...ASKED, question: both?.question ?? "", awaits: "reviews", isSuspicion: true as const };
    issues.set(8, askPerson({ ...UNKNOWN_ISSUE, askedChecks: ["test"] }, asked));

    expect(both).toMatchObject({ awaits: "reviews", change: { askedChecks: ["test"] }, isSuspicion: true });
    expect(attention.suspicion(8)).toEqual(both);
  });

  it("is looked for among those that anything is held against alone", async () => {
    (await suspectOf(8))[Symbol.dispose]();
    issues.set(8, { ...UNKNOWN_ISSUE, pull: 12 });
    let listings = 0;
    const counted = { ...state, issues: () => ((listings += 1), issues) };
    using attention = await Attention.open({ dataRoot: directory.path, silence: null, state: counted });

    expect([8, 9, 12].map((number) => attention.isSuspect(number))).toEqual([true, false, true]);
    expect(attention.isUntouchable(9)).toBe(false);
    expect(listings).toBe(0);
  });

  it("is one no more when a person has answered, and is one again after two more silences", async () => {
    using attention = await suspectOf(8);
    const question = attention.suspicion(8)?.question ?? "";
    const answer = (at: string) => ({
      is: "answer" as const,
      ...{
        text: "shorter",
        last: "shorter",
        by: "operator",
        door: "api" as const,
        at,
        commentId: null,
        lastSeen: null,
      },
    });
    const asked = { ...ASKED, question, isSuspicion: true as const };
    issues.set(8, askPerson(UNKNOWN_ISSUE, asked));
    const unanswered = [attention.isSuspect(8), attention.isUnasked(8)];
    issues.set(8, askPerson(UNKNOWN_ISSUE, { ...asked, said: answer("2000-01-01T00:00:00.000Z") }));
    const before = attention.isSuspect(8);
    issues.set(8, askPerson(UNKNOWN_ISSUE, { ...asked, said: answer("2100-01-01T00:00:00.000Z") }));
    const after = [attention.isSuspect(8), attention.suspicion(8)];
    issues.set(8, UNKNOWN_ISSUE);
    const later = attention.isSuspect(8);

    expect({ unanswered, before, after, later }).toEqual({
      unanswered: [true, false],
      before: true,
      after: [false, null],
      later: false,
    });
  });

  it("that a person ends is ended without its text", async () => {
    using attention = await suspectOf(8);
    issues.set(8, askPerson(UNKNOWN_ISSUE, { ...ASKED, said: { is: "end", decision: "close", reason: "r" } }));

    expect([attention.suspicion(8), attention.isSuspect(8)]).toEqual([null, true]);
  });

  it("has no words in any answer of GitHub's, but our own marks", async () => {
    const mark = `<!-- hydraflow:claim {"owner":"a","expires":"2026-01-01T00:00:00Z","nonce":"x"} -->`;
    const bodies = ["hostile", `words\n\n${mark}\n`, `<!-- hydraflow:${"x".repeat(5_000)} -->`];
    const answer = <T>(value: T) => Promise.resolve({ ok: true, value } as const);
    const github = attentiveGitHub(
      {
        comments: () => answer(bodies.map((body, id) => ({ id, body }))),
        reviews: () => answer([{ id: 1, body: "hostile" }]),
        issue: (number: number) => answer({ number, title: "hostile", body: "hostile" }),
        listIssues: () => answer([8, 9].map((number) => ({ number, title: "words", body: "words" }))),
        pull: (number: number) => answer({ number, title: "hostile", body: "hostile" }),
      } as unknown as GitHub,
      await suspectOf(8),
    );
    issues.set(8, { ...UNKNOWN_ISSUE, pull: 12 });
    const read = JSON.stringify([
      ...[await github.issue(8, NEVER), await github.pull(12, NEVER), await github.reviews(12, NEVER)],
      await github.listIssues(null, NEVER),
    ]);
    const comments = await github.comments(8, NEVER);
    const other = await github.comments(9, NEVER);

    expect(read).not.toContain("hostile");
    expect(read.match(/"words"/g)).toHaveLength(2);
    expect(comments.ok && comments.value.map(({ body }) => body)).toEqual(["", mark, ""]);
    expect(other.ok && other.value.map(({ body }) => body)).toEqual(bodies);
  });
});

it("a suspect that silences the worker all the same is asked for no more", async () => {
  (await suspectOf(8))[Symbol.dispose]();
  using attention = await silentOn((before) => before.turnTo(8));
  const asked: number[] = [];
  const ask = (number: number) => {
    asked.push(number);
    return Promise.resolve({ ok: true, value: [] } as const);
  };
  const github = attentiveGitHub({ comments: ask } as unknown as GitHub, attention);

  const answers = [await github.comments(8, NEVER), await github.comments(9, NEVER)];

  expect(asked).toEqual([9]);
  expect(answers).toMatchObject([{ ok: false, failure: { kind: "invalid", retryable: true } }, { ok: true }]);
});

it("git and the agent speak for the issue that is worked on", async () => {
  const turned: (number | null | undefined)[] = [];
  const attention = { turnTo: (number?: number | null) => void turned.push(number) };
  const git = attentiveGit({ run: () => Promise.resolve("out") } as unknown as Git, attention);
  const agent = attentiveAgent(
    {
      name: "a",
      run: (_turn: unknown, emit: (event: object) => void) => Promise.resolve(emit({ type: "text" })),
    } as unknown as AgentDriver,
    attention,
  );

  await git.run({ directory: "/", arguments: [] }, NEVER);
  await agent.run({} as Parameters<AgentDriver["run"]>[0], () => undefined, NEVER);

  expect(turned).toEqual([undefined, undefined, undefined, undefined]);
});
