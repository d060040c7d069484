// The launchd job, as a daemon of the machine and as an agent of one user. A plist has no octal numbers, and launchd
// has no list of exit codes that end it, as packaging/launchd/README.md explains.

import {
  LAUNCHD_HOME,
  LAUNCHD_LABEL,
  LAUNCHD_USER,
  OPEN_FILES_MAX,
  type ServiceLayout,
  STOP_TIMEOUT_S,
} from "./service-layout.ts";

const RESTART_DELAY_S = 30;
const UMASK = 0o077;

type Value = string | number | boolean | readonly string[] | { readonly [key: string]: Value };

export function launchdPlist(layout: ServiceLayout): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${element(jobOf(layout), "")}
</plist>
`;
}

function jobOf({ scope, program, home = LAUNCHD_HOME, path }: ServiceLayout): { readonly [key: string]: Value } {
  return {
    Label: LAUNCHD_LABEL,
    ProgramArguments: [...program, "daemon", "--home", home],
    ...(scope === "system" ? { UserName: LAUNCHD_USER } : {}),
    EnvironmentVariables: scope === "system" ? { HOME: home, PATH: path } : { PATH: path },
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: RESTART_DELAY_S,
    ExitTimeOut: STOP_TIMEOUT_S,
    ProcessType: "Standard",
    AbandonProcessGroup: false,
    Umask: UMASK,
    SoftResourceLimits: { NumberOfFiles: OPEN_FILES_MAX },
    StandardErrorPath: `${home}/launchd.err`,
  };
}

function element(value: Value, indent: string): string {
  if (typeof value === "string") return `${indent}<string>${escape(value)}</string>`;
  if (typeof value === "number") return `${indent}<integer>${value}</integer>`;
  if (typeof value === "boolean") return `${indent}<${value}/>`;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return `${indent}<array>\n${value.map((item) => element(item as string, inner)).join("\n")}\n${indent}</array>`;
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${inner}<key>${escape(key)}</key>\n${element(item, inner)}`,
  );
  return `${indent}<dict>\n${entries.join("\n")}\n${indent}</dict>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
