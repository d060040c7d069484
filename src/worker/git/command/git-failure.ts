// Sorts the output of a failed git into a few kinds. It is pure: the texts are git's own in the C locale, which git.ts
// forces.

export type GitFailureKind =
  | "locked"
  | "auth"
  | "network"
  /** This machine has no room, memory, descriptor or process left for the command. */
  | "short"
  | "conflict"
  | "not-found"
  /** The remote has no base branch: it was renamed, deleted, or never there. No issue is to blame for that. */
  | "base-gone"
  /** The repository's large files cannot be had or stored: git-lfs, the server's budget or a file is missing. */
  | "large-files"
  /** Somebody else pushed: the remote's branch is not where we expected it. */
  | "rejected"
  /** A rule of the server forbids the push, whoever tries and however often. */
  | "refused"
  | "config-changed"
  | "failed";

export interface GitFailure {
  readonly kind: GitFailureKind;
  /** The code is null when git was killed or never started. */
  readonly exitCode: number | null;
  /** One redacted line. */
  readonly message: string;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** The server's own words, line by line, redacted; absent or empty when it said nothing. */
  readonly remote?: string;
}

const REMOTE_CHARACTERS_MAX = 4_000;

const SHORT =
  /no space left on device|disk quota exceeded|too many open files|cannot allocate memory|out of memory|resource temporarily unavailable|cannot fork\b/i;
const HINDERED = /permission denied|input\/output error|read-only file system|stale file handle/i;
/** These lines tell of the server: a shortage there is not one of this machine. */
const OF_SERVER = /^\s*(?:remote:|error: remote unpack failed|! \[remote )/;

/** The first match wins: a remote's refusal may quote the words of any later row. */
const KINDS: readonly (readonly [RegExp, GitFailureKind])[] = [
  // A name stands in the way of ours, like `agent` beside `agent/issue-1`, here or on the server, or is left of one.
  [/exists; cannot create|'[^']*' exists, cannot create/i, "conflict"],
  [
    /there is a non-empty directory|there are still logs under|unable to append to '[^'\n]{1,1000}': not a directory/i,
    "conflict",
  ],
  [/\[remote rejected\][^[]*\((internal server error|fatal error in commit_refs)/i, "network"],
  [
    /hook declined|push declined|protected branch|\bGH0\d\d\b|refusing to allow|exceeds (?:the )?(?:github's )?(?:maximum allowed size|file size limit)|returned error: 413\b|http 413\b|shallow update not allowed|(deny|denying) (updating|non-fast-forward|creation|deletion)|\[remote rejected\][^[]*\((permission denied|repository rule|prohibited)/i,
    "refused",
  ],
  [/\[(remote )?rejected\]|stale info|non-fast-forward/i, "rejected"],
  [/cannot lock ref '[^'\n]*': .{0,100}(?:but expected|already exists|unable to resolve)/i, "conflict"],
  // The lock cannot be made at all, so that nobody holds it and waiting does not help.
  [
    /(?:could not lock|unable to create) [^:]{1,256}: (?:permission denied|read-only file system|not a directory)/i,
    "failed",
  ],
  [
    /could not lock|cannot lock ref|unable to create '[^']*\.lock'|packed-refs\.new: file exists|another git process/i,
    "locked",
  ],
  // git-lfs has words of its own, and those of Go's HTTP client; a server's text stands behind `batch response:`.
  [
    /fatal error: (?:server error|unable to parse http)|(?:lfs|batch response): (?:fatal error|server error|rate limit exceeded|unable to parse http response)|api rate limit exceeded|dial tcp\b|: no such host\b|tls handshake timeout|i\/o timeout|client\.timeout exceeded|context deadline exceeded|batch response: (?:post|get) "[^"]{1,1000}": /i,
    "network",
  ],
  [
    /authorization error: http|batch response: (?:authentication required|bad credentials)|git credentials for \S{1,1000} not found/i,
    "auth",
  ],
  [
    /'lfs' is not a git command|batch response: |object does not exist|lfs: repository or object not found: /i,
    "large-files",
  ],
  [/lfs: (?:bandwidth limit exceeded|insufficient server storage): /i, "large-files"],
  [
    /authentication failed|could not read (username|password)|terminal prompts disabled|returned error: 40[13]\b/i,
    "auth",
  ],
  [
    /repository (?:'[^'\n]*' )?not found|returned error: 404\b|couldn't find remote ref|not a git repository|unknown revision|bad revision|needed a single revision|not a valid object name|invalid reference|does not exist/i,
    "not-found",
  ],
  [
    /unable to access|could not resolve|failed to connect|connection (refused|reset|timed out)|early eof|rpc failed|hung up|timed out|returned error: (5\d\d|429)\b/i,
    "network",
  ],
  [/automatic merge failed|conflict \(|would be overwritten|already exists|needs merge/i, "conflict"],
];

const RETRYABLE: ReadonlySet<GitFailureKind> = new Set(["locked", "network", "short", "base-gone", "large-files"]);

export function gitFailure(kind: GitFailureKind, message: string, exitCode: number | null = null): GitFailure {
  return { kind, exitCode, message, retryable: RETRYABLE.has(kind) };
}

export function baseGone(base: string): GitFailure {
  return gitFailure("base-gone", `the remote has no branch '${base}'`);
}

/** Takes the output with git's own line ends, since each line tells who said it. */
export function classifyGitOutput(output: string): GitFailureKind {
  if (output.split(/[\r\n]/).some((line) => SHORT.test(line) && !OF_SERVER.test(line))) return "short";
  const text = output.replace(/\s+/g, " ").trim();
  return KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? "failed";
}

/** Says whether git was kept from looking, so that its exit code says nothing about what it was asked. */
export function isTrouble(output: string): boolean {
  return ["short", "locked"].includes(classifyGitOutput(output)) || HINDERED.test(output);
}

/** Returns the lines that the server sent through git's side band, without git's own frame around them. */
export function remoteWords(output: string): string {
  const lines = output.split("\n").flatMap((line) => {
    const said = /^remote:(.*)$/.exec(line)?.[1];
    return said === undefined ? [] : [said.replace(/^ /, "").trimEnd()];
  });
  return lines.join("\n").trim().slice(0, REMOTE_CHARACTERS_MAX);
}
