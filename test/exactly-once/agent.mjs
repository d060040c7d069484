// The agent of these trials speaks the stream form of the real CLI. It answers at once, remembers nothing between
// turns, and so does the same after every crash. What it must do differently follows from its prompt and from the files
// around it. It writes each turn down, and no two verdicts have the same words.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";

const [path, log, ...flags] = process.argv.slice(2);
const PLAN = `## Files to Modify
- \`README.md\`: mention the part.

## New Files
- \`part.txt\`: the part.

## File Delta
ADDED: part.txt

## Implementation Steps
1. Write the failing test in \`test/part.test.js\` first and see it fail.
2. Add \`part.txt\` with the content that the issue asks for.

## Testing Strategy
\`test/part.test.js\` proves that the part is there.

## Acceptance Criteria
- The part is there.

## Key Considerations
- Nothing else changes.
`;
const SATISFIED = {
  outcome: "already_satisfied",
  summary: "The part is there already.",
  evidence: { feature: "README.md:1", tests: "test/part.test.js:1", criteria: "The part is there: README.md:1" },
};

if (flags.includes("--version")) {
  process.stdout.write("2.1.329 (stand-in)\n");
} else {
  const prompt = await text(process.stdin);
  const role = /^Role:\s*(\S+)/m.exec(prompt)?.[1] ?? "?";
  const session = flags[flags.indexOf(flags.includes("--resume") ? "--resume" : "--session-id") + 1];
  const verdict = await work(role, prompt);
  appendFileSync(log, `${role}\n`);
  const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const shared = { session_id: session };
  say({
    type: "system",
    subtype: "init",
    model: "stand-in",
    claude_code_version: "2.1.329",
    cwd: process.cwd(),
    ...shared,
  });
  say({
    type: "result",
    subtype: "success",
    is_error: false,
    result: JSON.stringify(verdict),
    structured_output: verdict,
    num_turns: 1,
    total_cost_usd: 0,
    usage,
    permission_denials: [],
    ...shared,
  });
}

function say(item) {
  process.stdout.write(`${JSON.stringify(item)}\n`);
}

async function work(role, prompt) {
  const words = `Said ${Math.random().toString(36).slice(2)}.`;
  switch (role) {
    case "triage":
      return { ready: true, reasons: [words], type: "feature", complexity: 2 };
    case "plan":
      if (path === "question" && !prompt.includes("Make it blue"))
        return { outcome: "needs_input", summary: words, question: `Which colour? ${words}` };
      return path === "already-there" ? SATISFIED : { outcome: "plan", plan: PLAN, summary: words };
    case "review":
      return path === "changes-wanted" && isDraft()
        ? { verdict: "request_changes", summary: words, findings: ["It is a draft."] }
        : { verdict: "approve", summary: words, findings: [] };
    default:
      return implement(prompt, words);
  }
}

async function implement(prompt, words) {
  const wantsDraft = ["changes-wanted", "check-mended", "gate-mended"].includes(path);
  const isMending = /It is a draft|checks on the server fail|Its last output stands below/.test(prompt);
  const isConflict = prompt.includes("conflict markers");
  writeFileSync("part.txt", wantsDraft && !isMending ? "draft\n" : "the part\n");
  if (path === "conflict" && !isConflict) await moveBase();
  return { outcome: "done", summary: words };
}

/** Adds the same file to the base, once, as somebody else might. */
async function moveBase() {
  const { EXACTLY_ONCE_MOVE_BASE: order } = process.env;
  const { url, token, body, marker } = JSON.parse(order ?? "{}");
  if (existsSync(marker)) return;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const moved = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!moved.ok) throw new Error(`the base did not move: ${moved.status}`);
  writeFileSync(marker, "");
}

function isDraft() {
  return existsSync("part.txt") && readFileSync("part.txt", "utf8").includes("draft");
}
