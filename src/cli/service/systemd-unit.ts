// The systemd unit, as a system service and as a user's own. The table of exit codes says which of them a restart
// cannot mend; packaging/systemd/README.md says what each part of the hardening costs and why some of it is left out.

import { EXIT_CODES } from "../../core/base/exit-code.ts";
import {
  OPEN_FILES_MAX,
  READY_TIMEOUT_S,
  SERVICE_USER,
  type ServiceLayout,
  STOP_TIMEOUT_S,
  SYSTEM_HOME,
} from "./service-layout.ts";

const RESTART_DELAY_S = 5;
const STARTS_MAX = 5;
const START_WINDOW_S = 300;
const TASKS_MAX = 2_048;
/** The probe speaks for itself before systemd's own limit ends the start. */
const START_TIMEOUT_S = READY_TIMEOUT_S + 30;

/** The daemon's own exit codes are clear: `noDaemon` is the probe's, which systemd does not look at here. */
const HOPELESS = Object.entries(EXIT_CODES).flatMap(([name, { code, restart }]) =>
  restart || name === "ok" || name === "noDaemon" ? [] : [code],
);

export function systemdUnit(layout: ServiceLayout): string {
  const isSystem = layout.scope === "system";
  const sections = [
    isSystem ? SYSTEM_HEAD : USER_HEAD,
    unitSection(layout),
    `${serviceSection(layout)}\n\n${isSystem ? SYSTEM_WALLS : USER_WALLS}`,
    `[Install]\nWantedBy=${isSystem ? "multi-user.target" : "default.target"}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

const SYSTEM_HEAD = `# HydraFlow as a system service, run by the system user \`${SERVICE_USER}\`. Written by \`hydraflow service print\`; change it
# with a drop-in (\`systemctl edit hydraflow\`), which outlives an upgrade.`;

const USER_HEAD = `# HydraFlow as a service of one user, with fewer walls than the system service: a user's manager cannot raise them. Written
# by \`hydraflow service print --user\`; \`loginctl enable-linger\` keeps it running after logout.`;

function unitSection({ scope, documentation }: ServiceLayout): string {
  const network = scope === "system" ? ["After=network-online.target", "Wants=network-online.target"] : [];
  return lines(
    "[Unit]",
    "Description=HydraFlow: labelled GitHub issues become merged pull requests",
    `Documentation=${documentation}`,
    ...network,
    `StartLimitIntervalSec=${START_WINDOW_S}`,
    `StartLimitBurst=${STARTS_MAX}`,
  );
}

function serviceSection({ scope, program, home, path }: ServiceLayout): string {
  const command = program.map(quote).join(" ");
  const owner = scope === "system" ? [`User=${SERVICE_USER}`, `Group=${SERVICE_USER}`] : [];
  const state =
    scope === "system" && home === SYSTEM_HOME ? ["StateDirectory=hydraflow", "StateDirectoryMode=0700"] : [];
  return lines(
    "[Service]",
    "Type=exec",
    ...owner,
    ...(home === undefined ? [] : [`Environment=${quote(`HYDRAFLOW_HOME=${home}`)}`]),
    `Environment=${quote(`PATH=${path}`)}`,
    ...state,
    "UMask=0077",
    `ExecStart=${command} daemon`,
    "# `systemctl start` returns when the daemon is ready, or fails with the reason.",
    `ExecStartPost=${command} ping --wait ${READY_TIMEOUT_S} --pid $MAINPID`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    `TimeoutStartSec=${START_TIMEOUT_S}`,
    "Restart=on-failure",
    `RestartSec=${RESTART_DELAY_S}`,
    "# The exit codes that a restart cannot mend: wrong command line, not permitted, wrong configuration.",
    `RestartPreventExitStatus=${HOPELESS.join(" ")}`,
    "KillMode=mixed",
    `TimeoutStopSec=${STOP_TIMEOUT_S}`,
    "# An agent that takes too much memory dies alone.",
    "OOMPolicy=continue",
    `LimitNOFILE=${OPEN_FILES_MAX}`,
    "LimitCORE=0",
    `TasksMax=${TASKS_MAX}`,
  );
}

/** MemoryDenyWriteExecute is missing since V8 dies of it, ProcSubset since it hides the number of processors. */
const SYSTEM_WALLS = `# Node needs pages that are writable and executable, so MemoryDenyWriteExecute stays off.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @mount @debug
SystemCallErrorNumber=EPERM`;

/** The walls that a manager without privileges can hold up. */
const USER_WALLS = `NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native`;

/** Follows systemd.syntax(7): quotes around what has blanks, and its own two signs doubled. */
function quote(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return /[\s"'\\;]/.test(word) ? `"${escaped}"` : escaped;
}

function lines(...texts: string[]): string {
  return texts.join("\n");
}
