// The program behind `hydraflow`: hands the process to the commands as a Terminal and ends with their exit code.

import { describeThrown } from "../print/failure.ts";
import { runCli } from "./run-cli.ts";
import type { Terminal } from "../print/terminal.ts";

const COLUMNS_DEFAULT = 80;
const INPUT_BYTES_MAX = 1024 * 1024;

const interruption = new AbortController();
const terminal: Terminal = {
  isInteractive: process.stdout.isTTY,
  columns: process.stdout.columns || COLUMNS_DEFAULT,
  environment: process.env,
  directory: process.cwd(),
  host: process,
  write: (text) => void process.stdout.write(text),
  warn: (line) => void process.stderr.write(`${line}\n`),
  readInput,
  untilInterrupted,
};

// A reader that goes away early, as `head` does, is no failure; a command that goes on printing is stopped.
process.stdout.on("error", () => interruption.abort());

try {
  const exitCode = await runCli(process.argv.slice(2), terminal);
  // The daemon and its like set the exit code themselves, and later.
  if (exitCode !== 0) process.exitCode = exitCode;
} catch (error) {
  const { line, exitCode } = describeThrown(error);
  terminal.warn(`hydraflow: ${line}`);
  if (process.env["HYDRAFLOW_DEBUG"] && error instanceof Error) terminal.warn(error.stack ?? "");
  process.exitCode = exitCode;
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > INPUT_BYTES_MAX) throw new Error(`stdin has more than ${INPUT_BYTES_MAX} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function untilInterrupted(): AbortSignal {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort());
  return interruption.signal;
}
