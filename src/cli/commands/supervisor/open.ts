// `hydraflow open`: prints an address of the dashboard that signs in once, and opens it where there is a screen. With
// --json: {"url"} and what else the daemon says of the code.

import { spawn } from "node:child_process";
import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { plainText } from "../../print/plain-text.ts";
import { loginCodeSchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs.option("print", { describe: "print the address and open nothing", type: "boolean", default: false });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call(
    { method: "POST", path: "/api/login-codes", body: {}, reply: loginCodeSchema },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  terminal.write(options.json ? `${JSON.stringify(reply.value)}\n` : `${plainText(reply.value.url)}\n`);
  if (!options.print && !options.json && hasScreen(terminal)) openBrowser(reply.value.url);
  return ok();
}

function hasScreen({ isInteractive, environment }: Terminal): boolean {
  if (!isInteractive) return false;
  return process.platform === "darwin" || Boolean(environment["DISPLAY"] || environment["WAYLAND_DISPLAY"]);
}

/** The address is printed already, so a machine without a browser loses nothing. */
function openBrowser(url: string): void {
  if (!/^https?:\/\//.test(url)) return;
  const browser = spawn(process.platform === "darwin" ? "open" : "xdg-open", [url], {
    stdio: "ignore",
    detached: true,
  });
  browser.on("error", () => undefined);
  browser.unref();
}
