import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { openWorkshop } from "./agent-workshop.ts";
import {
  CODE,
  commitAll,
  driver,
  git,
  ISSUE,
  promptOf,
  startRepository,
  take,
  TEST,
  verdictOf,
} from "./demo-workbench.ts";

describe("the demo agent at work", () => {
  it("writes and appends what the issue says, with the person's answer in place", async () => {
    await using workshop = await openWorkshop();
    const { directory } = workshop.turn;

    const verdict = verdictOf(
      "implement",
      await take(workshop, promptOf("implement", ISSUE, "<answer>\nGood day\nsecond line\n</answer>")),
    );

    expect(verdict).toMatchObject({ outcome: "done" });
    expect(readFileSync(join(directory, "src/greet.js"), "utf8")).toBe(CODE.replace("{{answer}}", "Good day"));
    expect(readFileSync(join(directory, "test/greet.test.js"), "utf8")).toBe(TEST);
    expect(workshop.events).toContainEqual({ type: "tool", tool: "Write", summary: "src/greet.js" });
  });

  it("makes each edit once, however often the turn is run", async () => {
    await using workshop = await openWorkshop();
    const body = `${ISSUE}\n\`\`\`js before=src/greet.js "}"\n  // the end\n\`\`\``;

    await take(workshop, promptOf("implement", body));
    const first = readFileSync(join(workshop.turn.directory, "src/greet.js"), "utf8");
    await take(workshop, promptOf("implement", ISSUE));

    expect(first).toContain("  // the end\n}\n");
    expect(readFileSync(join(workshop.turn.directory, "test/greet.test.js"), "utf8")).toBe(TEST);
  });

  it("asks first when the issue says so, and goes on when there is an answer", async () => {
    await using workshop = await openWorkshop();
    const body = `${ISSUE}\nAsk first: Which greeting shall I use?`;

    const asked = verdictOf("implement", await take(workshop, promptOf("implement", body)));
    const wroteBeforeAnswer = existsSync(join(workshop.turn.directory, "src/greet.js"));
    const answered = verdictOf("hitl", await take(workshop, promptOf("hitl", body, "<answer>\nHello\n</answer>")));

    expect(asked).toMatchObject({ outcome: "needs_input", question: "Which greeting shall I use?" });
    expect(wroteBeforeAnswer).toBe(false);
    expect(answered).toMatchObject({ outcome: "done" });
    expect(readFileSync(join(workshop.turn.directory, "src/greet.js"), "utf8")).toContain("Hello, ${name}");
  });

  it("adds what a reviewer asked for once there is feedback, and keeps it", async () => {
    await using workshop = await openWorkshop();
    const body = `${ISSUE}\n\`\`\`js feedback=src/greet.js\n// reviewed\n\`\`\``;
    const file = join(workshop.turn.directory, "src/greet.js");

    await take(workshop, promptOf("implement", body, "<answer>\nHi\n</answer>"));
    const before = readFileSync(file, "utf8");
    await take(
      workshop,
      promptOf("implement", body, "<answer>\nHi\n</answer>\n\n<feedback>\nadd a comment\n</feedback>"),
    );
    await take(workshop, promptOf("implement", body, "<answer>\nHi\n</answer>"));

    expect(before).not.toContain("// reviewed");
    expect(readFileSync(file, "utf8").match(/\/\/ reviewed\n/g)).toHaveLength(1);
  });

  it("never leaves its directory, by a path or by a link", async () => {
    await using workshop = await openWorkshop();
    symlinkSync(workshop.root, join(workshop.turn.directory, "out"));
    const body =
      "```js file=../escaped.js\nx\n```\n```js file=/tmp/hydraflow-escaped.js\nx\n```\n```sh file=.git/hooks/pre-commit\nx\n```\n```js file=out/linked.js\nx\n```";

    const verdict = verdictOf("implement", await take(workshop, promptOf("implement", body)));

    expect(verdict).toMatchObject({
      outcome: "needs_input",
      question: expect.stringContaining("out/linked.js leads out") as string,
    });
    expect(existsSync(join(workshop.root, "escaped.js"))).toBe(false);
    expect(existsSync(join(workshop.root, "linked.js"))).toBe(false);
    expect(existsSync(join(workshop.turn.directory, ".git"))).toBe(false);
  });

  it("keeps both sides of a merge conflict and nothing of the markers", async () => {
    await using workshop = await openWorkshop();
    const { directory } = workshop.turn;
    writeFileSync(join(directory, "list.txt"), "first\n");
    startRepository(directory);
    writeFileSync(join(directory, "list.txt"), "first\nours\n");
    commitAll(directory);
    git(directory, "switch", "--quiet", "main");
    writeFileSync(join(directory, "list.txt"), "first\ntheirs\n");
    commitAll(directory);
    git(directory, "switch", "--quiet", "agent/issue-7");
    expect(() => git(directory, "merge", "main")).toThrow(/merge main/);

    const verdict = verdictOf("implement", await take(workshop, promptOf("implement", ISSUE)));

    expect(verdict).toMatchObject({ outcome: "done", summary: "Kept both sides in list.txt." });
    expect(readFileSync(join(directory, "list.txt"), "utf8")).toBe("first\nours\ntheirs\n");
    expect(existsSync(join(directory, "src"))).toBe(false);
  });

  it("is stopped in the middle of a slow turn with the first file written and the last one not", async () => {
    await using workshop = await openWorkshop();
    const stop = new AbortController();
    const prompt = promptOf("implement", `${ISSUE}\nSlow: 6000`);

    const outcome = await driver().run(
      { ...workshop.turn, prompt },
      (event) => event.type === "text" && event.text.includes("test/greet.test.js") && stop.abort(),
      stop.signal,
    );

    expect(outcome.kind).toBe("killed");
    expect(existsSync(join(workshop.turn.directory, "src/greet.js"))).toBe(true);
    expect(existsSync(join(workshop.turn.directory, "test/greet.test.js"))).toBe(false);
  });

  it("takes its pace from the environment", async () => {
    await using workshop = await openWorkshop();
    const stop = new AbortController();
    const prompt = promptOf("implement", ISSUE);

    // At this pace the turn ends long after the test's deadline unless it is stopped.
    const outcome = await driver({ HYDRAFLOW_DEMO_PACE_MS: "600000" }).run(
      { ...workshop.turn, prompt },
      () => stop.abort(),
      stop.signal,
    );

    expect(outcome.kind).toBe("killed");
    expect(existsSync(join(workshop.turn.directory, "src/greet.js"))).toBe(false);
  });
});
