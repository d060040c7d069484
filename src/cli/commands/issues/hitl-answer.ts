// `hydraflow hitl answer <slug> <issue> <text|->`: answers a question, or with --skip or --close says what else becomes
// of the issue, and why. With --json: what the worker answered.

import type { Argv } from "yargs";

import { ok, type Result } from "../../../core/base/result.ts";
import { issueArgument, slugArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import { type CliFailure, type CommandResult, failWith } from "../../print/failure.ts";
import { anyReplySchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .positional("slug", slugArgument)
    .positional("issue", issueArgument)
    .positional("text", { describe: "the answer; - reads it from stdin", coerce: readAnswer })
    .option("skip", { describe: "take the issue out of the pipeline, leave it open", type: "boolean", default: false })
    .option("close", { describe: "close the issue", type: "boolean", default: false })
    .option("reason", { describe: "why; needed with --skip and --close", type: "string", requiresArg: true });
}

type Options = OptionsOf<typeof build>;

interface Answer {
  readonly verb: "correct" | "skip" | "close";
  readonly body: { readonly text: string } | { readonly reason: string };
}

export async function run(options: Options, terminal: Terminal): Promise<CommandResult> {
  const answer = await answerOf(options, terminal);
  if (!answer.ok) return answer;
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const { verb, body } = answer.value;
  const path = `/api/repos/${options.slug}/worker/hitl/${options.issue}/${verb}`;
  const reply = await client.value.call(
    { method: "POST", path, body, reply: anyReplySchema },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  const line = `${options.slug} #${options.issue}: ${{ correct: "answered", skip: "skipped", close: "closed" }[verb]}\n`;
  terminal.write(options.json ? `${JSON.stringify(reply.value ?? {})}\n` : line);
  return ok();
}

async function answerOf(options: Options, terminal: Terminal): Promise<Result<Answer, CliFailure>> {
  if (options.skip && options.close) return failWith("usage", "give --skip or --close, not both");
  if (options.skip || options.close) {
    const reason = options.reason?.trim() ?? "";
    if (options.text !== undefined) return failWith("usage", "--skip and --close take --reason, not an answer");
    if (reason === "") return failWith("usage", "--skip and --close need a --reason");
    return ok({ verb: options.skip ? "skip" : "close", body: { reason } });
  }
  if (options.reason !== undefined) return failWith("usage", "--reason goes with --skip or --close");
  const text = (options.text === "-" ? await terminal.readInput() : (options.text ?? "")).trim();
  if (text === "")
    return failWith("usage", "the answer is empty; give it as the last argument, or - to read it from stdin");
  return ok({ verb: "correct", body: { text } });
}

/** yargs reads a bare dash as an option that is set. */
function readAnswer(given: string | true | undefined): string | undefined {
  return given === true ? "-" : given;
}
