// The demo shows these kinds of issues, as Markdown in the grammar that the demo agent understands.

export interface SampleIssue {
  readonly title: string;
  readonly body: string;
  /** The operator of the demo answers the issue's question with this; it is null for issues that ask nothing. */
  readonly answer: string | null;
  readonly expected: "merged" | "closed";
  /** The default branch must hold these at the end: path → text. */
  readonly wanted: Readonly<Record<string, string>>;
}

interface Change {
  readonly title: string;
  readonly need: string;
  /** It is the file name without directory and ending. */
  readonly module: string;
  readonly code: string;
  readonly test: string;
}

/** Such an issue is triaged, planned, implemented, reviewed and merged without a word. */
export function plain(change: Change): SampleIssue {
  return {
    title: change.title,
    body: body(change),
    answer: null,
    expected: "merged",
    wanted: { [sourceOf(change)]: change.code, [testOf(change)]: change.test },
  };
}

/** Nobody can do such an issue without knowing something that only a person knows. */
export function asksFirst(change: Change & { question: string; answer: string }): SampleIssue {
  const wanted = {
    [sourceOf(change)]: change.code.replaceAll("{{answer}}", change.answer),
    [testOf(change)]: change.test,
  };
  return { ...plain(change), body: `${body(change)}\nAsk first: ${change.question}\n`, answer: change.answer, wanted };
}

/** The reviewer asks for changes in the first round. */
export function objectedOnce(change: Change & { finding: string; addition: string }): SampleIssue {
  const more = `\nReviewer objects once: ${change.finding}\n\n${block(`js feedback=${testOf(change)}`, change.addition)}`;
  return { ...plain(change), body: body(change) + more, wanted: { [sourceOf(change)]: change.code } };
}

/** Such an issue adds a line at the end of a file besides, so that two of them in flight at once conflict. */
export function alsoNoted(change: Change & { notes: string; line: string }): SampleIssue {
  const more = `\nAnd a note about it:\n\n${block(`md append=${change.notes}`, change.line)}`;
  const simple = plain(change);
  return { ...simple, body: body(change) + more, wanted: { ...simple.wanted, [change.notes]: change.line } };
}

/** The repository has it already; the plan says where, and the issue is closed. */
export function alreadyDone(issue: {
  title: string;
  need: string;
  feature: string;
  tests: string;
  criteria: string;
}): SampleIssue {
  const text = `${issue.need}\n\nAlready done: ${issue.feature}; tests ${issue.tests}; criteria ${issue.criteria}\n`;
  return { title: issue.title, body: text, answer: null, expected: "closed", wanted: {} };
}

function body(change: Change): string {
  return `${change.need}\n\nThe module:\n\n${block(`js file=${sourceOf(change)}`, change.code)}\nIts test:\n\n${block(`js file=${testOf(change)}`, change.test)}`;
}

function block(info: string, content: string): string {
  return `\`\`\`${info}\n${content}\`\`\`\n`;
}

function sourceOf(change: Change): string {
  return `src/${change.module}.js`;
}

function testOf(change: Change): string {
  return `test/${change.module}.test.js`;
}
