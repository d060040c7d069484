// A worker is killed in the middle of an agent's turn, in each of the five stages of one issue: the next one resumes
// the turn, and GitHub sees every effect once.

import { describe, expect } from "vitest";

import { Rig } from "../daemon/daemon-rig.ts";
import { shippedIfMany } from "../support/shipped-if-many.ts";
import { gone, MERGED_ONCE, type Role, SLUG, TurnRig } from "../support/turn-rig.ts";
import { fault, repeat } from "./fault.ts";

/** An issue that asks something before it is implemented comes through them in this order. */
const STAGES: readonly Role[] = ["triage", "plan", "implement", "hitl", "review"];

describe("a worker", () => {
  fault(
    "F16 killed in each of the five stages of an issue leaves one pull request, one merge and one of each comment",
    { few: 1, many: 40, roundMs: 120_000 },
    async ({ count }) => {
      await using turns = await TurnRig.make();
      await using rig = await Rig.make();
      const worker = {
        runtime: process.execPath,
        flags: ["--disable-warning=ExperimentalWarning"],
        entry: shippedIfMany("worker"),
      };
      const environment = { PATH: process.env["PATH"], ...turns.environment };
      const daemon = await rig.daemon(turns.config, { worker, environment });
      await daemon.ask({ action: "add_repo", path: turns.checkout });
      await repeat(count, async (index) => {
        await Promise.all(STAGES.map((stage) => turns.hold(stage)));
        const issue = await turns.fileIssue(`answer${index}`, "Ask first: What is the answer?");
        for (const stage of STAGES) {
          if (stage === "hitl") await turns.answer(issue);
          const first = await turns.turn(stage, 1, issue);
          const { pid } = await daemon.entryWhen(SLUG, "running", ({ running }) => running);
          process.kill(Number(pid), "SIGKILL");
          const second = await turns.turn(stage, 2, issue);
          await gone(first);
          expect(second).toMatchObject({ session: first.session, isResumed: true });
          await turns.release(stage);
        }
        expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
        expect(await turns.merged(`src/answer${index}.js`)).toContain("42");
      });
    },
  );
});
