// The stub model says this to Claude Code, role by role. It knows the role by the first line of our own prompts. The
// verdict is a call of `StructuredOutput`, the tool that the CLI offers for `--json-schema`.

import type { AgentTurn } from "../../src/worker/agent/contract/agent-driver.ts";
import type { StubRule, StubTurn } from "../support/stub-model-server.ts";

type Role = AgentTurn["role"];

export function verdict(input: Readonly<Record<string, unknown>>, text?: string): StubTurn {
  return { ...(text === undefined ? {} : { text }), tools: [{ name: "StructuredOutput", input }] };
}

export function shell(command: string): StubTurn {
  return { tools: [{ name: "Bash", input: { command, description: "as the script says" } }] };
}

/** `path` is taken from the agent's working directory. */
export function write(path: string, content: string): StubTurn {
  return { tools: [{ name: "Write", input: { file_path: `\${cwd}/${path}`, content } }] };
}

function rulesByRole(turns: Partial<Readonly<Record<Role, readonly StubTurn[]>>>): StubRule[] {
  return Object.entries(turns).map(([role, answers]) => ({
    match: new RegExp(`^Role: ${role}\\b`, "m"),
    turns: answers,
  }));
}

export interface IssueStory {
  /** The implementation writes these files: path → content. */
  readonly files: Readonly<Record<string, string>>;
  /** It is Markdown that keeps the planner's rules. */
  readonly plan: string;
}

/** The script takes an issue from triage to approval without a question. */
export function storyRules({ files, plan }: IssueStory): StubRule[] {
  const writes = Object.entries(files).map(([path, content]) => write(path, content));
  return rulesByRole({
    triage: [shell("ls"), verdict({ ready: true, reasons: ["clear and small"], type: "feature", complexity: 2 })],
    plan: [
      shell("git log --oneline -5"),
      verdict({ outcome: "plan", plan, summary: "Write the files and their tests." }),
    ],
    implement: [
      ...writes,
      shell("git status --short"),
      verdict({ outcome: "done", summary: "Wrote the files and their tests." }),
    ],
    review: [
      shell("git diff HEAD~1 --stat"),
      verdict({ verdict: "approve", summary: "It does what the issue asks.", findings: [] }),
    ],
  });
}
