// The reader takes a GraphQL document with one operation: its selections, arguments and fragments on types. It refuses
// what HydraFlow's documents do not use (named fragments, directives, several operations).

export type Argument =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Argument[] }
  | { readonly kind: "object"; readonly fields: Readonly<Record<string, Argument>> }
  | { readonly kind: "value"; readonly value: string | number | boolean | null };

export interface Selection {
  /** It is null for a fragment on a type. */
  readonly field: {
    readonly name: string;
    readonly alias: string;
    readonly args: Readonly<Record<string, Argument>>;
  } | null;
  readonly onType: string | null;
  readonly selections: readonly Selection[];
}

export interface Operation {
  readonly kind: "query" | "mutation";
  readonly selections: readonly Selection[];
}

/** GitHub answers it with 200 and an `errors` list. */
export class GraphqlProblem extends Error {
  /** It is GitHub's `type`, for instance NOT_FOUND. */
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

const TOKEN = /[\s,]+|#[^\n]*|(\.\.\.|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?|[_A-Za-z]\w*|[{}()[\]:!$=@])/gy;

export function parseDocument(text: string): Operation {
  const reader = new Reader(tokensOf(text));
  const kind = reader.peek() === "{" ? "query" : reader.next();
  if (kind !== "query" && kind !== "mutation") throw parseProblem(kind);
  if (reader.peek() !== "{" && reader.peek() !== "(") reader.next(); // The operation may have a name.
  if (reader.peek() === "(") skipVariables(reader);
  const selections = readSelections(reader);
  if (reader.peek() !== undefined) throw parseProblem(reader.next());
  return { kind, selections };
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw parseProblem("end of the document");
    this.#at += 1;
    return token;
  }

  expect(wanted: string): void {
    const token = this.next();
    if (token !== wanted) throw parseProblem(token);
  }

  /** Reads up to `end` and past it. */
  until<T>(end: string, read: () => T): T[] {
    const all: T[] = [];
    while (this.peek() !== end) all.push(read());
    this.next();
    return all;
  }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    end = match.index + match[0].length;
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  if (end !== text.length) throw parseProblem(text.slice(end, end + 1));
  return tokens;
}

/** The reader skips variables' types: a test checks each document against GitHub's schema. */
function skipVariables(reader: Reader): void {
  reader.expect("(");
  reader.until(")", () => reader.next());
}

function readSelections(reader: Reader): Selection[] {
  reader.expect("{");
  return reader.until("}", () => readSelection(reader));
}

function readSelection(reader: Reader): Selection {
  const token = reader.next();
  if (token === "...") {
    reader.expect("on");
    return { field: null, onType: reader.next(), selections: readSelections(reader) };
  }
  if (!/^[_A-Za-z]/.test(token)) throw parseProblem(token);
  const hasAlias = reader.peek() === ":";
  if (hasAlias) reader.next();
  const name = hasAlias ? reader.next() : token;
  const args = reader.peek() === "(" ? readArguments(reader, "(", ")") : {};
  const selections = reader.peek() === "{" ? readSelections(reader) : [];
  return { field: { name, alias: token, args }, onType: null, selections };
}

function readArguments(reader: Reader, start: string, end: string): Record<string, Argument> {
  reader.expect(start);
  const entries = reader.until(end, () => {
    const name = reader.next();
    reader.expect(":");
    return [name, readArgument(reader)] as const;
  });
  return Object.fromEntries(entries);
}

function readArgument(reader: Reader): Argument {
  const token = reader.peek();
  if (token === "{") return { kind: "object", fields: readArguments(reader, "{", "}") };
  reader.next();
  if (token === "$") return { kind: "variable", name: reader.next() };
  if (token === "[") return { kind: "list", items: reader.until("]", () => readArgument(reader)) };
  if (token === undefined || !/^["\-\d_A-Za-z]/.test(token)) throw parseProblem(token ?? "");
  return { kind: "value", value: plainValue(token) };
}

/** A name that is no word of JSON is a value of an enum. */
function plainValue(token: string): string | number | boolean | null {
  return /^["\-\d]|^(true|false|null)$/.test(token) ? (JSON.parse(token) as string | number | boolean | null) : token;
}

function parseProblem(token: string): GraphqlProblem {
  return new GraphqlProblem("PARSE", `Parse error on ${JSON.stringify(token)}`);
}
