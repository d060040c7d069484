// The demo agent remembers the issue of a session, which a later prompt of the same session need not repeat. The file
// lies below HOME, where real agents keep theirs.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { readPrompt, type Prompt } from "./prompt.ts";

export async function withRememberedIssue(
  prompt: Prompt,
  text: string,
  home: string,
  sessionId: string,
): Promise<Prompt> {
  const path = join(home, ".hydraflow-demo-agent", `${sessionId.replace(/[^\w-]/g, "")}.txt`);
  if (prompt.issue !== null) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return prompt;
  }
  const first = readPrompt(await readFile(path, "utf8").catch(() => ""));
  if (first === null) return prompt;
  return {
    ...prompt,
    issue: first.issue,
    answers: [...first.answers, ...prompt.answers],
    base: prompt.base ?? first.base,
  };
}
