// This is the process side of `hydraflow demo`: it has the streams, signals and exit code.

import { EXIT_CODES } from "../core/base/exit-code.ts";
import { type DemoReport, isAsPromised, runDemoOnce } from "./demo.ts";

export interface DemoCommandOptions {
  readonly once: boolean;
  readonly json: boolean;
  readonly chaos: boolean;
  readonly keep: boolean;
}

/** Progress goes to stderr when stdout carries JSON, so that its last line is the summary and nothing else. */
export async function runDemo(options: DemoCommandOptions, host: NodeJS.Process): Promise<void> {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) host.on(name, () => stopping.abort());
  const output = options.json ? host.stderr : host.stdout;
  const run = runDemoOnce(
    {
      once: options.once || options.json,
      chaos: options.chaos,
      keepDirectory: options.keep,
      runtime: host.execPath,
      cliArguments: [...host.execArgv, host.argv[1] ?? ""],
      environment: host.env,
      output,
      isTerminal: output.isTTY,
    },
    stopping.signal,
  );
  const report = await run.catch((thrown: unknown) => {
    if (stopping.signal.aborted) return null;
    throw thrown;
  });
  if (report === null) {
    host.stderr.write("stopped before every issue had come to its end\n");
    host.exitCode = EXIT_CODES.failure.code;
    return;
  }
  print(report, options, host);
  host.exitCode = isAsPromised(report) ? EXIT_CODES.ok.code : EXIT_CODES.failure.code;
}

function print(report: DemoReport, options: DemoCommandOptions, host: NodeJS.Process): void {
  if (options.json) {
    host.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const { merged, hitl, closed, failed, duplicates, seconds } = report;
  host.stdout.write(
    `merged ${merged}, of them ${hitl} after a person's answer; closed ${closed}; failed ${failed}; duplicates ${duplicates}; ${seconds} s\n`,
  );
  for (const problem of report.problems) host.stdout.write(`problem: ${problem}\n`);
}
