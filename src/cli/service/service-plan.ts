// Plans a service for this system and this scope: its file, the steps that install and remove it, and the commands an
// operator needs next. The plan is pure: it looks at nothing and changes nothing.

import { join } from "node:path";

import { launchdPlist } from "./launchd-plist.ts";
import {
  LAUNCHD_HOME,
  LAUNCHD_LABEL,
  LAUNCHD_USER,
  SERVICE_NAME,
  SERVICE_USER,
  type ServiceLayout,
  type ServiceScope,
  SYSTEM_HOME,
} from "./service-layout.ts";
import type { Step } from "./service-steps.ts";
import { systemdUnit } from "./systemd-unit.ts";

export interface ServicePlan {
  /** The unit or plist, and where it belongs. */
  readonly file: string;
  readonly content: string;
  readonly install: readonly Step[];
  readonly uninstall: readonly Step[];
  /** This command ends with exit code 0 when the service runs. */
  readonly isActive: readonly string[];
  /** This command comes before the first of `next` where the service runs already. */
  readonly drain: string;
  readonly next: readonly string[];
  readonly kept: string;
}

/** The account that the service is installed from. */
export interface Account {
  readonly home: string;
  readonly uid: number;
}

/** Role accounts of macOS have a uid from 450 to 499, sysadminctl(8). */
const LAUNCHD_UID = "481";

export function stateDirectory(scope: ServiceScope, isMac: boolean, account: Account): string {
  if (scope === "user") return join(account.home, ".hydraflow");
  return isMac ? LAUNCHD_HOME : SYSTEM_HOME;
}

export function planSystemd(layout: ServiceLayout, home: string, account: Account): ServicePlan {
  const isSystem = layout.scope === "system";
  const manager = isSystem ? ["systemctl"] : ["systemctl", "--user"];
  const directory = isSystem ? "/etc/systemd/system" : join(account.home, ".config/systemd/user");
  const file = join(directory, `${SERVICE_NAME}.service`);
  const content = systemdUnit(layout);
  const owner = isSystem ? SERVICE_USER : undefined;
  const user: Step = {
    kind: "user",
    name: SERVICE_USER,
    command: ["useradd", "--system", "--user-group", "--home-dir", home, "--shell", "/usr/sbin/nologin", SERVICE_USER],
  };
  return {
    file,
    content,
    install: [
      ...(isSystem ? [user] : []),
      ...stateSteps(home, owner),
      { kind: "file", path: file, content },
      command([...manager, "daemon-reload"]),
      command([...manager, "enable", "--quiet", SERVICE_NAME]),
    ],
    uninstall: [
      command([...manager, "disable", "--now", "--quiet", SERVICE_NAME], true),
      { kind: "removed-file", path: file },
      command([...manager, "daemon-reload"]),
    ],
    drain: drainCommand(layout, home),
    isActive: [...manager, "is-active", "--quiet", SERVICE_NAME],
    next: [`${manager.join(" ")} restart ${SERVICE_NAME}`, ...(isSystem ? [] : ["loginctl enable-linger"])],
    kept: isSystem ? `${home} and the user ${SERVICE_USER}` : home,
  };
}

export function planLaunchd(layout: ServiceLayout, home: string, account: Account): ServicePlan {
  const isSystem = layout.scope === "system";
  const domain = isSystem ? "system" : `gui/${account.uid}`;
  const directory = isSystem ? "/Library/LaunchDaemons" : join(account.home, "Library/LaunchAgents");
  const file = join(directory, `${LAUNCHD_LABEL}.plist`);
  const content = launchdPlist(layout);
  const owner = isSystem ? LAUNCHD_USER : undefined;
  const role = ["-roleAccount", "-UID", LAUNCHD_UID, "-home", home, "-shell", "/usr/bin/false"];
  const user: Step = {
    kind: "user",
    name: LAUNCHD_USER,
    command: ["sysadminctl", "-addUser", LAUNCHD_USER, "-fullName", "HydraFlow", ...role],
  };
  return {
    file,
    content,
    install: [...(isSystem ? [user] : []), ...stateSteps(home, owner), { kind: "file", path: file, content }],
    uninstall: [
      command(["launchctl", "bootout", `${domain}/${LAUNCHD_LABEL}`], true),
      { kind: "removed-file", path: file },
    ],
    drain: drainCommand(layout, home),
    isActive: ["launchctl", "print", `${domain}/${LAUNCHD_LABEL}`],
    next: [`launchctl bootstrap ${domain} ${file}`],
    kept: isSystem ? `${home} and the user ${LAUNCHD_USER}` : home,
  };
}

function drainCommand({ program }: ServiceLayout, home: string): string {
  return [...program, "drain", "--home", home].join(" ");
}

function stateSteps(home: string, owner: string | undefined): Step[] {
  return [
    { kind: "directory", path: home, owner },
    { kind: "token", path: join(home, "token"), owner },
  ];
}

function command(words: readonly string[], mayFail = false): Step {
  return { kind: "command", command: words, mayFail };
}
