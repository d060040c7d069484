// In one turn of the demo agent each role does its work on the prompt and ends with a verdict. The verdict's form is
// the one that the driver asks for by `--json-schema`.

import { applyEdit, fileExists } from "./edits.ts";
import { changedFiles, keepBothSides, unmergedFiles } from "./git.ts";
import { type Edit, type Instructions, readInstructions } from "./instructions.ts";
import { planText } from "./plan-text.ts";
import type { Prompt, Role } from "./prompt.ts";

export type Verdict = Readonly<Record<string, unknown>>;

export interface Turn {
  readonly prompt: Prompt;
  readonly directory: string;
  /** The whole turn takes so long; the issue may ask for another pace. */
  readonly paceMs: number;
  readonly say: (text: string) => void;
  /** Shows an edit as the use of a tool around `work`. */
  readonly use: (tool: string, input: Readonly<Record<string, unknown>>, work: () => Promise<string>) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
}

interface Task extends Turn {
  readonly title: string;
  readonly instructions: Instructions;
  readonly answer: string;
}

const WORKS: Readonly<Record<Role, (task: Task) => Promise<Verdict>>> = {
  triage,
  plan,
  implement,
  review,
  hitl: implement,
};

export async function runTurn(turn: Turn): Promise<Verdict> {
  const { issue, role, answers } = turn.prompt;
  turn.say(
    `I am HydraFlow's demo agent: a program that follows the issue's own code blocks, not an AI. Role: ${role}, issue #${issue?.number ?? "?"}.`,
  );
  const instructions = readInstructions([issue?.body ?? "", ...answers].join("\n\n"));
  const answer =
    answers
      .at(-1)
      ?.split("\n")
      .find((line) => line.trim() !== "")
      ?.trim() ?? "";
  return WORKS[role]({
    ...turn,
    title: issue?.title ?? "",
    instructions,
    answer,
    paceMs: instructions.paceMs ?? turn.paceMs,
  });
}

async function triage(task: Task): Promise<Verdict> {
  const { edits, done, problems } = task.instructions;
  await pause(task, 1, "I look for code blocks that name their file.");
  const type = /\b(?:fix|bug|broken|wrong)\b/i.test(task.title) ? "bug" : "feature";
  const complexity = Math.min(10, edits.length);
  if (edits.length > 0 || done !== null)
    return { ready: true, reasons: [`The issue spells out ${edits.length} edits.`], type, complexity };
  const question = "Which files shall I change? I only understand fenced code blocks such as ```js file=src/example.js";
  return {
    ready: false,
    reasons: ["I am a demo agent, and the issue has no code block that names its file.", ...problems],
    type,
    complexity,
    question,
  };
}

async function plan(task: Task): Promise<Verdict> {
  const { edits, done } = task.instructions;
  await pause(task, 2, "I look at which of the files exist.");
  const existing = new Set<string>();
  for (const { path } of edits) if (await fileExists(task.directory, path)) existing.add(path);
  await pause(task, 2, "I write the plan.");
  if (done !== null && (await fileExists(task.directory, done.feature.replace(/:\d+$/, "")))) {
    return {
      outcome: "already_satisfied",
      summary: `What the issue asks for stands in ${done.feature}.`,
      evidence: done,
    };
  }
  if (edits.length === 0)
    return needsInput("Which files shall I change? The issue has no code block that names its file.");
  const summary = `Make the ${edits.length} edits that the issue spells out.`;
  return { outcome: "plan", plan: planText({ title: task.title, edits, existing }), summary };
}

async function implement(task: Task): Promise<Verdict> {
  const { instructions, prompt } = task;
  if (instructions.question !== null && prompt.answers.length === 0) {
    await pause(task, 1, "Before I can start, a person has to answer a question.");
    return needsInput(instructions.question);
  }
  const conflicts = await unmergedFiles(task.directory);
  return conflicts.length > 0 ? settleConflicts(task, conflicts) : makeEdits(task);
}

async function makeEdits(task: Task): Promise<Verdict> {
  const due = dueEdits(task);
  const parts = due.length + 1;
  const failures: string[] = [];
  for (const edit of due) {
    await pause(task, parts, `Next is ${edit.path}.`);
    await task.use(edit.kind === "file" ? "Write" : "Edit", { file_path: edit.path }, async () => {
      const applied = await applyEdit(task.directory, edit, task.answer);
      if (!applied.ok) failures.push(applied.failure);
      return applied.ok ? "done" : applied.failure;
    });
  }
  await pause(task, parts, "All edits are made; I read them once more.");
  if (failures.length > 0) return needsInput(`${failures.join(" ")} How shall I go on?`);
  const paths = [...new Set(due.map((edit) => edit.path))].join(", ");
  return { outcome: "done", summary: due.length === 0 ? "There was nothing to change." : `Changed ${paths}.` };
}

async function settleConflicts(task: Task, conflicts: readonly string[]): Promise<Verdict> {
  for (const path of conflicts) {
    await pause(task, conflicts.length, `Both sides changed ${path}; I keep both.`);
    await task.use("Edit", { file_path: path }, async () => {
      await keepBothSides(task.directory, path);
      return "done";
    });
  }
  return { outcome: "done", summary: `Kept both sides in ${conflicts.join(", ")}.` };
}

async function review(task: Task): Promise<Verdict> {
  const { prompt, instructions } = task;
  const base = prompt.base ?? "origin/HEAD";
  await pause(task, 2, `I read the change against ${base}.`);
  const changed = await changedFiles(task.directory, base);
  await pause(task, 2, "I compare it with the issue.");
  if (!changed.ok)
    return {
      verdict: "needs_input",
      summary: "I could not read the change.",
      findings: [],
      question: `How can I read the change? ${changed.failure}`,
    };
  if (instructions.objection !== null && prompt.round === 1) {
    return {
      verdict: "request_changes",
      summary: "The issue tells me to object once.",
      findings: [instructions.objection],
    };
  }
  const asked = [...new Set(dueEdits(task).map((edit) => edit.path))];
  const missing = asked.filter((path) => !changed.value.includes(path));
  const summary = `The change touches ${changed.value.length} files; the issue asks for ${asked.length}.`;
  if (missing.length === 0) return { verdict: "approve", summary, findings: [], read: changed.value };
  return {
    verdict: "request_changes",
    summary,
    findings: missing.map((path) => `${path} is asked for by the issue and is not changed.`),
  };
}

/** A reviewer's wish is due once there is feedback, and stays due in later reviews. */
function dueEdits({ prompt, instructions }: Task): Edit[] {
  const hasFeedback = prompt.feedback !== null || (prompt.role === "review" && prompt.round > 1);
  return instructions.edits.filter((edit) => edit.kind !== "feedback" || hasFeedback);
}

function needsInput(question: string): Verdict {
  return { outcome: "needs_input", summary: "A person has to answer a question.", question };
}

/** Says what comes next and takes its part of the pace for it, so that people can watch. */
async function pause(task: Task, parts: number, text: string): Promise<void> {
  task.say(text);
  if (task.paceMs > 0) await task.sleep(task.paceMs / parts);
}
