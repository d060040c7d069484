// The demo agent writes Claude Code's stream-json, as far as HydraFlow reads it. Tokens and cost are zero, for no model
// is asked.

import { randomUUID } from "node:crypto";

import { VERSION } from "../../core/base/version.ts";
import type { Verdict } from "./turn.ts";

export class Stream {
  readonly #write: (line: string) => void;
  readonly #sessionId: string;
  #turns = 0;

  constructor(write: (line: string) => void, sessionId: string) {
    this.#write = write;
    this.#sessionId = sessionId;
  }

  init(cwd: string): void {
    this.#line({
      type: "system",
      subtype: "init",
      cwd,
      model: "demo-agent",
      tools: ["Write", "Edit", "StructuredOutput"],
      claude_code_version: VERSION,
    });
  }

  say = (text: string): void => {
    this.#assistant({ type: "text", text });
  };

  use = async (tool: string, input: Readonly<Record<string, unknown>>, work: () => Promise<string>): Promise<void> => {
    const id = `toolu_${randomUUID()}`;
    this.#assistant({ type: "tool_use", id, name: tool, input });
    const content = await work();
    this.#line({
      type: "user",
      message: { role: "user", content: [{ type: "tool_result", tool_use_id: id, content }] },
    });
  };

  /** Writes a sign of life that says nothing. */
  tick(): void {
    this.#line({ type: "system", subtype: "demo_tick" });
  }

  verdict(verdict: Verdict): void {
    this.#assistant({ type: "tool_use", id: `toolu_${randomUUID()}`, name: "StructuredOutput", input: verdict });
    this.#result({ subtype: "success", is_error: false, result: JSON.stringify(verdict), structured_output: verdict });
  }

  error(message: string): void {
    this.#result({ subtype: "error_during_execution", is_error: true, errors: [message] });
  }

  #assistant(block: object): void {
    this.#turns += 1;
    this.#line({ type: "assistant", message: { role: "assistant", model: "demo-agent", content: [block] } });
  }

  #result(fields: object): void {
    const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    this.#line({ type: "result", ...fields, num_turns: this.#turns, total_cost_usd: 0, usage, permission_denials: [] });
  }

  #line(fields: object): void {
    this.#write(`${JSON.stringify({ ...fields, session_id: this.#sessionId })}\n`);
  }
}
