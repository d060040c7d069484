// The process `hydraflow forge` runs one forge alone, until a signal stops it. Its first line on stdout says where it
// is and with which tokens; everything after that is its log on stderr.

import { startForge } from "./forge.ts";

export interface RunForgeOptions {
  readonly port: number;
  readonly data: string;
  /** This shell command checks every head of a pull request. */
  readonly ci?: string | undefined;
  readonly token?: string | undefined;
  readonly login?: string | undefined;
}

export interface ForgeProcess {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  once(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
}

/** Resolves when the forge has stopped. */
export async function runForge(options: RunForgeOptions, io: ForgeProcess = process): Promise<void> {
  const stop = Promise.withResolvers<void>();
  io.once("SIGTERM", stop.resolve);
  io.once("SIGINT", stop.resolve);
  await using forge = await startForge({
    port: options.port,
    dataDir: options.data,
    ci: options.ci === undefined ? null : { command: options.ci },
    token: options.token,
    login: options.login,
    log: (event) => void io.stderr.write(`${JSON.stringify(event)}\n`),
  });
  const { url, port, token, login, controlToken } = forge;
  io.stdout.write(`${JSON.stringify({ url, port, token, login, controlToken })}\n`);
  await stop.promise;
}
