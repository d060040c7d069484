// A container with systemd needs these; what is missing is said in one line before any test starts.

import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const PROGRAMS = ["systemd-nspawn", "nsenter", "unshare", "systemd-analyze", "dpkg-deb", "lintian", "plistutil"];

export async function setup(): Promise<void> {
  const missing = PROGRAMS.filter((program) => !isOnPath(program));
  if (process.platform !== "linux" || process.getuid?.() !== 0) refuse("it needs root on Linux");
  if (missing.length > 0)
    refuse(`missing: ${missing.join(", ")} (apt-get install systemd-container lintian libplist-utils)`);
  const { buildIfStale } = (await import(new URL("../../scripts/build.mjs", import.meta.url).href)) as {
    buildIfStale: () => Promise<boolean>;
  };
  await buildIfStale();
}

function refuse(reason: string): never {
  throw new Error(`npm run test:systemd cannot run here: ${reason}`);
}

function isOnPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
