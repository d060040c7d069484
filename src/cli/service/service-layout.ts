// Says where a service finds its program and keeps its state: the templates of systemd and launchd are filled with
// this. The files in packaging/ are the templates filled with the layouts below.

/** A `system` service starts at boot as a user of its own; a `user` service is the operator's own, and ends with the
 * last session unless that lingers. */
export type ServiceScope = "system" | "user";

export interface ServiceLayout {
  readonly scope: ServiceScope;
  /** The words before `daemon` are absolute paths: nothing is looked up. */
  readonly program: readonly string[];
  /** The state directory; the daemon's own default, `~/.hydraflow`, when undefined. */
  readonly home: string | undefined;
  /** PATH of the daemon, its workers and their agents: git and the agent CLIs are found on it. */
  readonly path: string;
  readonly documentation: string;
}

/** The user of the system service, on both systems. */
export const SERVICE_NAME = "hydraflow";
export const SERVICE_USER = "hydraflow";
export const SYSTEM_HOME = "/var/lib/hydraflow";

/** On macOS names of service users begin with an underscore, and /var is not for programs from elsewhere. */
export const LAUNCHD_LABEL = "io.hydraflow.daemon";
export const LAUNCHD_USER = "_hydraflow";
export const LAUNCHD_HOME = "/usr/local/var/hydraflow";

/** A service manager gives the daemon so long to stop itself; the daemon needs less, see STOP_GRACE_MS. */
export const STOP_TIMEOUT_S = 90;
export const READY_TIMEOUT_S = 60;
export const OPEN_FILES_MAX = 65_536;

export const LINUX_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export const MACOS_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
