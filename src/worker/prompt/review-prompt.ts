// Asks for a review of the work branch against its base. Pure.

import type { Issue } from "../github/port/github.ts";
import type { Guidance } from "../state/issue-state.ts";
import { type ChangedFile, showChange } from "./diff-section.ts";
import { answerSections, framePrompt, issueSection, planSection } from "./prompt.ts";

export interface ReviewParts {
  readonly issue: Issue;
  readonly plan: string | null;
  readonly guidance: readonly Guidance[];
  /** The diff is taken against this ref or sha. */
  readonly base: string;
  readonly round: number;
  /** Nobody has approved these yet. */
  readonly files: readonly ChangedFile[];
  /** This many more files of the change stand as they were approved. */
  readonly approvedFiles?: number;
  /** The diffs in the prompt take no more than this. */
  readonly diffCharactersMax?: number;
}

export interface ReviewPrompt {
  readonly prompt: string;
  /** The prompt does not show these files whole, and `reviewForm` refuses an approval that has not read them. */
  readonly mustRead: readonly string[];
}

const QUESTIONS = `Does it do what the issue asks, all of it and nothing else? Is it right at the edges, tested by tests that could fail, and readable?
Read the files around the diff; change nothing. The quality gate was green for this commit.`;

const VERDICT = `Verdict: \`verdict\` is \`approve\`, \`request_changes\` or \`needs_input\` (with a question for a person in \`question\`); \`summary\` a short paragraph;
\`findings\` what must be mended, each with its file, so that the author needs no second question. Do not ask for changes of mere taste.`;

export function reviewPrompt({
  issue,
  plan,
  guidance,
  base,
  round,
  files,
  approvedFiles = 0,
  diffCharactersMax,
}: ReviewParts): ReviewPrompt {
  const facts = { Base: base, Round: String(round) };
  const { sections, shown, mustRead } = showChange(files, base, diffCharactersMax);
  const task = [
    whatIsShown({ shown, all: files.length, approved: approvedFiles }),
    QUESTIONS,
    VERDICT,
    mustRead.length === 0 ? "" : READ,
  ];
  const prompt = framePrompt({
    role: "review",
    task: task.filter((part) => part !== "").join("\n"),
    facts,
    sections: [issueSection(issue), planSection(plan), answerSections(guidance), ...sections],
  });
  return { prompt, mustRead };
}

const READ =
  "`read` the path of every file of <files> that you have read, as it stands there. You cannot approve what you have not read.";

function whatIsShown({ shown, all, approved }: { shown: number; all: number; approved: number }): string {
  if (shown === all && approved === 0)
    return "Task: review the change below, which is the whole of HEAD against the base, as the last reader before it is merged.";
  const scope = [
    "Task: review the change of HEAD against the base, as the last reader before it is merged.",
    approved === 0 ? "" : `${approved} files of it were approved before and stand as they were; judge what is new.`,
    `${shown} of ${all} files are shown below.`,
    shown === all
      ? ""
      : "The others are named in <files>, each with the command that shows it. Read every one of them.",
  ];
  return scope.filter((part) => part !== "").join(" ");
}
