// What a failed git said, as one of a few kinds. Pure: the texts are git's own in the C locale, which git.ts forces.

export type GitFailureKind =
  | "locked"
  | "auth"
  | "network"
  | "conflict"
  | "not-found"
  | "rejected"
  | "config-changed"
  | "failed";

export interface GitFailure {
  readonly kind: GitFailureKind;
  /** Null when git was killed or never started. */
  readonly exitCode: number | null;
  /** Redacted, one line. */
  readonly message: string;
  /** True when the same call may succeed later. */
  readonly retryable: boolean;
}

/** First match wins: a remote's refusal may quote the words of any later row. */
const KINDS: readonly (readonly [RegExp, GitFailureKind])[] = [
  [/\[(remote )?rejected\]|stale info|non-fast-forward|hook declined|protected branch/i, "rejected"],
  [/cannot lock ref .*(but expected|already exists|unable to resolve)/i, "conflict"],
  [/could not lock|cannot lock ref|unable to create '[^']*\.lock'|another git process/i, "locked"],
  [
    /authentication failed|could not read (username|password)|terminal prompts disabled|returned error: 40[13]\b/i,
    "auth",
  ],
  [
    /repository .*not found|returned error: 404\b|couldn't find remote ref|not a git repository|unknown revision|bad revision|needed a single revision|not a valid object name|invalid reference|does not exist/i,
    "not-found",
  ],
  [
    /unable to access|could not resolve|failed to connect|connection (refused|reset|timed out)|early eof|rpc failed|hung up|timed out|returned error: (5\d\d|429)\b/i,
    "network",
  ],
  [/automatic merge failed|conflict \(|would be overwritten|already exists|needs merge/i, "conflict"],
];

const RETRYABLE: ReadonlySet<GitFailureKind> = new Set(["locked", "network"]);

export function gitFailure(kind: GitFailureKind, message: string, exitCode: number | null = null): GitFailure {
  return { kind, exitCode, message, retryable: RETRYABLE.has(kind) };
}

export function classifyGitOutput(output: string): GitFailureKind {
  return KINDS.find(([pattern]) => pattern.test(output))?.[1] ?? "failed";
}
