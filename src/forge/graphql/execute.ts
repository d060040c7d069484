// An operation is answered from objects whose fields are values or functions of their arguments. A field that is not
// there is refused as GitHub refuses one that its schema lacks; a problem below a field leaves null in its place.

import { type Argument, GraphqlProblem, type Operation, type Selection } from "./document.ts";

export type Args = Readonly<Record<string, unknown>>;
export type FieldValue = null | string | number | boolean | GraphqlObject | readonly FieldValue[];
export type Field = FieldValue | ((args: Args) => FieldValue | Promise<FieldValue>);

export interface GraphqlObject {
  readonly type: string;
  readonly fields: Readonly<Record<string, Field>>;
}

export interface GraphqlAnswer {
  readonly data: Record<string, unknown> | null;
  readonly errors: readonly {
    readonly type: string;
    readonly path: readonly (string | number)[];
    readonly message: string;
  }[];
}

export async function execute(operation: Operation, root: GraphqlObject, variables: Args): Promise<GraphqlAnswer> {
  const run = new Run(variables);
  try {
    return { data: await run.object(root, operation.selections, []), errors: run.errors };
  } catch (thrown) {
    // An unknown field makes the whole document invalid: nothing of it is answered.
    if (thrown instanceof GraphqlProblem) return { data: null, errors: [problemOf(thrown, [])] };
    throw thrown;
  }
}

type Path = readonly (string | number)[];

class Run {
  readonly errors: GraphqlAnswer["errors"][number][] = [];
  readonly #variables: Args;

  constructor(variables: Args) {
    this.#variables = variables;
  }

  async object(object: GraphqlObject, selections: readonly Selection[], path: Path): Promise<Record<string, unknown>> {
    const shown: Record<string, unknown> = {};
    for (const { field, onType, selections: below } of selections) {
      if (field === null) {
        if (onType === object.type) Object.assign(shown, await this.object(object, below, path));
        continue;
      }
      shown[field.alias] = await this.#field(object, field, below, [...path, field.alias]);
    }
    return shown;
  }

  async #field(
    object: GraphqlObject,
    { name, args }: NonNullable<Selection["field"]>,
    below: readonly Selection[],
    path: Path,
  ): Promise<unknown> {
    if (name === "__typename") return object.type;
    const field = object.fields[name];
    if (field === undefined) {
      throw new GraphqlProblem("undefinedField", `Field '${name}' doesn't exist on type '${object.type}'`);
    }
    try {
      const value = typeof field === "function" ? await field(this.#argsOf(args)) : field;
      return await this.#shown(value, below, path);
    } catch (thrown) {
      if (!(thrown instanceof GraphqlProblem) || thrown.kind === "undefinedField") throw thrown;
      this.errors.push(problemOf(thrown, path));
      return null;
    }
  }

  async #shown(value: FieldValue, below: readonly Selection[], path: Path): Promise<unknown> {
    if (isList(value)) return await Promise.all(value.map((item, at) => this.#shown(item, below, [...path, at])));
    return typeof value === "object" && value !== null ? await this.object(value, below, path) : value;
  }

  #argsOf(args: Readonly<Record<string, Argument>>): Args {
    return Object.fromEntries(Object.entries(args).map(([name, arg]) => [name, this.#valueOf(arg)]));
  }

  #valueOf(arg: Argument): unknown {
    if (arg.kind === "variable") return this.#variables[arg.name];
    if (arg.kind === "list") return arg.items.map((item) => this.#valueOf(item));
    return arg.kind === "object" ? this.#argsOf(arg.fields) : arg.value;
  }
}

/**
 * Lists are paged as GitHub does: `first` with `after`, or `last` with `before`. A cursor is the place in the whole
 * list.
 */
export function connection(type: string, items: readonly GraphqlObject[], args: Args): GraphqlObject {
  const before = args["before"] === undefined || args["before"] === null ? items.length : Number(args["before"]);
  const after = args["after"] === undefined || args["after"] === null ? 0 : Number(args["after"]) + 1;
  const { first, last } = args;
  if (typeof first !== "number" && typeof last !== "number") {
    throw new GraphqlProblem("MISSING_PAGINATION_BOUNDARIES", `You must provide a \`first\` or \`last\` value`);
  }
  const start = typeof last === "number" ? Math.max(after, before - last) : after;
  const end = typeof first === "number" ? Math.min(before, start + first) : before;
  const pageInfo: GraphqlObject = {
    type: "PageInfo",
    fields: {
      hasNextPage: end < items.length,
      hasPreviousPage: start > 0,
      startCursor: start < end ? String(start) : null,
      endCursor: start < end ? String(end - 1) : null,
    },
  };
  return { type, fields: { nodes: items.slice(start, end), totalCount: items.length, pageInfo } };
}

function problemOf({ kind, message }: GraphqlProblem, path: Path): GraphqlAnswer["errors"][number] {
  return { type: kind, path, message };
}

function isList(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value);
}
