// GitHub Docs: "About protected branches", "Available rules for rulesets", "Approving a pull request with required
// reviews", "About code owners", "Dismissing a pull request review", "Troubleshooting required status checks".

import { contract, expect, merge, openPull, refusal, signal, value } from "./contract.ts";

const REVIEW_MISSING = {
  kind: "merge-blocked",
  reason: "review",
  status: 405,
  message: expect.stringContaining("At least 1 approving review is required by reviewers with write access."),
};

for (const isRuleset of [false, true]) {
  contract(isRuleset ? "a ruleset" : "classic protection", {
    "wants an approval by somebody who may write": async (world, github) => {
      await world.protect({ isRuleset, approvals: 1 });
      const pull = await openPull(world, github);

      const first = await refusal(merge(github, pull));
      await world.review(pull.number, "reader", "APPROVED");
      const second = await refusal(merge(github, pull));
      await world.allowWriting("carol");
      await world.review(pull.number, "carol", "COMMENTED");
      const third = await refusal(merge(github, pull));
      await world.review(pull.number, "carol", "APPROVED");

      expect([first, second, third]).toMatchObject([REVIEW_MISSING, REVIEW_MISSING, REVIEW_MISSING]);
      await value(merge(github, pull));
    },

    "takes approvals away at a push, where it is told to": async (world, github) => {
      await world.protect({ isRuleset, approvals: 1, dismissStale: true });
      await world.allowWriting("carol");
      const { number } = await openPull(world, github);
      await world.review(number, "carol", "APPROVED");
      const headSha = await world.push("work");

      expect(await value(github.pull(number, signal))).toMatchObject({ headSha });
      expect(await refusal(merge(github, { number, headSha }))).toMatchObject({ reason: "review" });
      expect(await value(github.reviews(number, signal))).toMatchObject([{ author: "carol", state: "DISMISSED" }]);
    },

    "keeps approvals over a push, where it is not told to": async (world, github) => {
      await world.protect({ isRuleset, approvals: 1 });
      await world.allowWriting("carol");
      const { number } = await openPull(world, github);
      await world.review(number, "carol", "APPROVED");
      const headSha = await world.push("work");
      await value(github.pull(number, signal));

      await value(merge(github, { number, headSha }));
    },

    "wants a code owner": async (world, github) => {
      await world.allowWriting("carol");
      await world.allowWriting("dave");
      await world.protect({ isRuleset, approvals: 1, codeOwners: ["dave"] });
      const pull = await openPull(world, github);
      await world.review(pull.number, "carol", "APPROVED");

      expect(await refusal(merge(github, pull))).toMatchObject({
        kind: "merge-blocked",
        reason: "review",
        message: expect.stringContaining("code owner"),
      });
      await world.review(pull.number, "dave", "APPROVED");
      await value(merge(github, pull));
    },

    "wants a check that has not reported": async (world, github) => {
      await world.protect({ isRuleset, checks: ["build"] });
      const pull = await openPull(world, github);

      expect(await refusal(merge(github, pull))).toMatchObject({
        reason: "checks",
        message: expect.stringContaining('Required status check "build" is expected.'),
      });
      expect(await value(github.expectedChecks("main", signal))).toMatchObject({ required: ["build"] });
    },

    "wants a check that runs, and one that failed, to be green": async (world, github) => {
      await world.protect({ isRuleset, checks: ["build"] });
      const pull = await openPull(world, github);

      await world.report(pull.headSha, "build", { status: "in_progress" });
      const running = await refusal(merge(github, pull));
      await world.report(pull.headSha, "build", { conclusion: "failure" });
      const failing = await refusal(merge(github, pull));
      await world.report(pull.headSha, "build", { conclusion: "success" });

      expect([running, failing]).toMatchObject([{ reason: "checks" }, { reason: "checks" }]);
      await value(merge(github, pull));
    },

    "counts its checks": async (world, github) => {
      await world.protect({ isRuleset, checks: ["build", "lint"] });
      const pull = await openPull(world, github);

      expect(await refusal(merge(github, pull))).toMatchObject({
        reason: "checks",
        message: expect.stringContaining("2 of 2 required status checks are expected."),
      });
    },

    "calls green checks expected when the base has moved and the head must hold it": async (world, github) => {
      await world.protect({ isRuleset, checks: ["build"], strict: true });
      const pull = await openPull(world, github);
      await world.report(pull.headSha, "build", { conclusion: "success" });
      await world.push("main", ["elsewhere.txt"]);

      expect(await refusal(merge(github, pull))).toMatchObject({
        kind: "merge-blocked",
        message: expect.stringContaining("is expected"),
      });
    },

    "lets a head that holds the base pass": async (world, github) => {
      await world.push("main", ["elsewhere.txt"]);
      await world.protect({ isRuleset, checks: ["build"], strict: true });
      const pull = await openPull(world, github);
      await world.report(pull.headSha, "build", { conclusion: "success" });

      await value(merge(github, pull));
    },

    "wants signatures": async (world, github) => {
      await world.protect({ isRuleset, signatures: true });
      const pull = await openPull(world, github);

      expect(await refusal(merge(github, pull))).toMatchObject({
        reason: "signature",
        message: expect.stringContaining("Commits must have verified signatures."),
      });
    },

    "wants conversations to be resolved": async (world, github) => {
      await world.protect({ isRuleset, conversations: true });
      const pull = await openPull(world, github);
      await world.setOpenThreads(pull.number, 1);

      expect(await refusal(merge(github, pull))).toMatchObject({ kind: "merge-blocked", reason: "review" });
      await world.setOpenThreads(pull.number, 0);
      await value(merge(github, pull));
    },

    "says nothing of another base branch": async (world, github) => {
      await world.push("develop");
      await world.protect({ isRuleset, approvals: 1 });
      const pull = await openPull(world, github, "work", { base: "develop" });

      await value(merge(github, pull));
    },
  });
}

contract("what rules say", {
  "protection names one thing that is missing, a ruleset all of them below one headline": async (world, github) => {
    const pull = await openPull(world, github);
    await world.protect({ approvals: 1, checks: ["build"] });
    const { message: one } = await refusal(merge(github, pull));
    await world.protect({ isRuleset: true, approvals: 1, checks: ["build"] });
    const { message: all } = await refusal(merge(github, pull));

    expect(one).not.toContain("build");
    expect(all).toContain("Repository rule violations found");
    expect(all).toContain("approving review");
    expect(all).toContain('"build" is expected');
  },

  "a branch that only some may push to is merged by nobody else": async (world, github) => {
    await world.protect({ restrictedTo: ["carol"] });
    const pull = await openPull(world, github);
    const carol = await world.connect("carol");

    expect(await refusal(merge(github, pull))).toMatchObject({ status: 405 });
    await value(merge(carol, pull));
  },
});

contract("reviews", {
  "nobody approves what they opened, and nobody asks themselves for changes": async (world, github) => {
    const { number, headSha } = await openPull(world, github);
    const review = (event: "approve" | "request_changes" | "comment") =>
      github.createReview(number, { event, body: "Well.", headSha }, signal);

    expect(await refusal(review("approve"))).toMatchObject({ kind: "invalid", status: 422 });
    expect(await refusal(review("request_changes"))).toMatchObject({ kind: "invalid", status: 422 });
    await value(review("comment"));
    expect(await value(github.reviews(number, signal))).toMatchObject([
      { author: "hydraflow-bot", state: "COMMENTED" },
    ]);
  },

  "have the time at which they were given": async (world, github) => {
    const { number } = await openPull(world, github);
    await world.review(number, "carol", "APPROVED");
    world.tick();
    await world.review(number, "carol", "CHANGES_REQUESTED");

    const [first, second] = await value(github.reviews(number, signal));

    expect(Date.parse(second?.submittedAt ?? "") - Date.parse(first?.submittedAt ?? "")).toBe(1_000);
  },

  "somebody else approves, even without the right to write": async (world, github) => {
    const { number, headSha } = await openPull(world, github);
    const reader = await world.connect("reader", { role: "read" });

    await value(reader.createReview(number, { event: "approve", body: "", headSha }, signal));

    expect(await value(github.reviews(number, signal))).toMatchObject([{ author: "reader", state: "APPROVED" }]);
  },
});
