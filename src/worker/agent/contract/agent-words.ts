// Reads what an agent CLI says only in words when a turn fails: that the provider is at its limit, overloaded, without
// a login. Claude Code, Codex, Gemini and opencode each have their sentences, and change them. Only what the CLI itself
// says is read, never what a model talks about, and the most trusted comes first. The reading is pure, and linear in
// bounded text.

import { resetTimeIn } from "./reset-time.ts";

export type WordsKind = "provider-limited" | "overloaded" | "auth-missing" | "refused" | "budget-exceeded";

export interface Words {
  readonly kind: WordsKind;
  /** The sentence, as the CLI said it. */
  readonly sentence: string;
  /** The end of the limit, where the sentence says it. */
  readonly until: Date | null;
}

const TEXT_UNITS_MAX = 4_000;
const LINE_UNITS_MAX = 1_000;

/** Matches a status in a sentence about a request, not a line number of a stack trace. */
const status = (codes: string): string =>
  String.raw`\b(?:error|status|code|http(?:\/[\d.]+)?)\b["']?[ :=(]{0,3}(?:code|status)?["']?[ :=(]{0,3}(?:${codes})\b|"(?:code|status)" ?: ?(?:${codes})\b`;

const OWN_LIMIT = String.raw`\b(?:hit|reached|exceeded|exceed|over|at) (?:your|the|its|this|a|an) (?:[\w'’-]+ ){0,4}(?:limit|cap|allowance)\b`;

/** The order counts: a sentence about a limit often names the login and the credits that would lift it. */
const PATTERNS: readonly (readonly [WordsKind, RegExp])[] = [
  [
    "budget-exceeded",
    /credit balance (?:is )?too low|insufficient[ _](?:credits?|balance|funds|quota)|spend(?:ing)? (?:limit|cap)|out of (?:extra )?(?:credits|usage|budget)|no credits (?:left|remaining)|(?:credits|budget) (?:is |are |has been |have been )?(?:exhausted|exceeded|used up)|quota (?:has been |was |is )?exceeded(?! for)|exceeded your (?:[\w'-]+ ){0,2}(?:quota|budget)|billing (?:hard )?limit|payment required/i,
  ],
  [
    "provider-limited",
    new RegExp(
      [
        OWN_LIMIT,
        String.raw`\b(?:usage|rate|session|weekly|daily|hourly|monthly|hour|token|request|message|quota) limits? (?:was |has been |have been |is |are )?(?:reached|exceeded|hit|exhausted)\b`,
        String.raw`\blimits? will reset\b|\bquota will reset\b|\brate[ _-]?limit(?:ed|_error|_exceeded|exceeded)\b|\brate limit(?:s|ing)? (?:in effect|applied)\b`,
        String.raw`\btoo many requests\b|\bresource[ _](?:has been )?exhausted\b|\bquota exceeded\b|\b(?:requests|tokens) per (?:minute|min|day)\b`,
        status("429"),
      ].join("|"),
      "i",
    ),
  ],
  [
    "auth-missing",
    new RegExp(
      [
        String.raw`\b(?:invalid|incorrect|missing|expired|no|unset) (?:x-)?(?:api|auth)[ _-]?(?:key|token)\b|\bapi[ _-]?key (?:is )?(?:not (?:set|valid|found|provided)|missing|required|invalid|expired)\b`,
        String.raw`\b(?:please |to )?(?:run|use|try) ["'${"`"}]?(?:[\w.-]+ ){0,2}\/?(?:auth )?(?:login|log in|auth)\b|\/login\b|\b(?:please|must|need to|have to) (?:log|sign) ?in\b|\blogin (?:is )?(?:required|expired)\b`,
        String.raw`\bnot (?:logged|signed) in\b|\bnot authenticated\b|\blogged out\b|\bsigned out\b|\bunauthori[sz]ed\b|\bauthentication[ _](?:error|failed|failure|required|expired)\b|\bunauthenticated\b`,
        String.raw`\b(?:oauth|access|refresh|auth|authentication|session|bearer) ?(?:token|credentials?)? (?:has |have |was |is |has been |could not be )?(?:expired|revoked|invalid|refreshed|missing)\b|\btoken(?:_| has | is |_has_)?(?:expired|revoked|invalid)\b`,
        String.raw`\b(?:set|choose|select) an auth method\b|\bno (?:credentials|provider) (?:found|configured)\b|\bcould not load (?:the )?(?:default )?credentials\b`,
        String.raw`\b(?:organization|account) (?:has been |is |was )?(?:disabled|suspended|on hold)\b|\bdoes not have access to\b`,
        status("401|403"),
      ].join("|"),
      "i",
    ),
  ],
  [
    "overloaded",
    new RegExp(
      [
        String.raw`\boverloaded(?:_error)?\b|\b(?:high|heavy|increased) (?:demand|load|traffic)\b|\b(?:at|over|out of|insufficient|exceeded|limited) (?:[\w'-]+ )?capacity\b|\bcapacity (?:constraints?|exceeded|issues?)\b`,
        String.raw`\b(?:temporarily|currently) (?:unavailable|not available)\b|\bservice unavailable\b|\binternal server error\b|\bbad gateway\b|\bgateway time-?out\b|\bserver_error\b`,
        String.raw`\bconnection error\b|\bunable to connect to\b|\bfailed to connect to\b|\bfetch failed\b|\brequest timed out\b|\b(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)\b`,
        status(String.raw`5\d\d`),
      ].join("|"),
      "i",
    ),
  ],
  [
    "refused",
    /\b(?:violates?|against|in violation of) (?:[\w'’-]+ ){0,4}(?:usage|content|safety|acceptable use) polic(?:y|ies)\b|\bunable to respond to this request\b|\b(?:blocked|flagged|stopped|rejected) (?:by|for|due to|as) (?:[\w'’-]+ ){0,4}(?:safety|policy|content filter|abuse)\b/i,
  ],
];

/** A message counts only when it begins like this, so that nobody's talk about limits is taken for one. */
const OPENING =
  /^(?:api error\b|error:|(?:claude ai )?usage limit reached|you['’](?:ve|re) (?:hit|reached|out)|you have (?:hit|reached|exceeded)|your (?:account|credit|limit)|(?:5-hour|weekly|session|opus) limit reached|invalid api key|oauth|not logged in|please run)/i;

export interface Said {
  /**
   * Result and errors of the CLI, its made-up messages, lines outside its protocol, stderr: the most trusted come
   * first.
   */
  readonly byCli: readonly string[];
  /** The last message of the turn. Nobody knows whether the model or the CLI wrote it; its first words must show it. */
  readonly last: string;
  readonly now: Date;
}

/** Returns null when nothing is known. Ask it only about a turn that failed. */
export function readWords({ byCli, last, now }: Said): Words | null {
  for (const text of OPENING.test(last) ? [...byCli, last] : byCli) {
    const words = wordsOf(text.slice(0, TEXT_UNITS_MAX), now);
    if (words !== null) return words;
  }
  return null;
}

function wordsOf(text: string, now: Date): Words | null {
  const lines = text.split("\n").map((line) => line.trim().slice(0, LINE_UNITS_MAX));
  for (const [kind, pattern] of PATTERNS) {
    const at = lines.findIndex((line) => pattern.test(line));
    if (at === -1) continue;
    const sentence = lines[at] ?? "";
    // The time may stand on the line behind.
    const until = kind === "overloaded" ? null : resetTimeIn(lines.slice(at, at + 2).join(" "), now);
    // A quota that comes back by itself is a limit, whatever it is called.
    return { kind: kind === "budget-exceeded" && until !== null ? "provider-limited" : kind, sentence, until };
  }
  return null;
}
