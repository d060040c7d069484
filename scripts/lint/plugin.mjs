// The linter has two rules of our own: no expression of ours holds the loop on a text from outside
// (expression-cost.mjs), and every room keeps its place (rooms.mjs). An expression put together at run time cannot be
// judged here: on the top level test/architecture/hostile-text.test.ts finds it as it is, elsewhere it is refused.

import { posix } from "node:path";

import { superLinearPart } from "./expression-cost.mjs";
import { whyNot } from "./rooms.mjs";

const linearExpression = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const judge = (node, pattern, flags) => {
      const part = superLinearPart(pattern, flags);
      if (part === null) return;
      const message = `/${pattern}/ may take more than linear time (${part}); use plain string code, or an expression that cannot begin inside its own loop.`;
      context.report({ node, message });
    };
    const build = (node) => {
      if (node.callee.type !== "Identifier" || node.callee.name !== "RegExp") return;
      const [pattern, flags] = node.arguments;
      const isPlain = (argument) => argument.type === "Literal" && typeof argument.value === "string";
      if (pattern !== undefined && isPlain(pattern) && (flags === undefined || isPlain(flags)))
        judge(node, pattern.value, flags?.value ?? "");
      else if (isInFunction(node))
        context.report({
          node,
          message: "An expression put together in a function cannot be proved linear; use plain string code.",
        });
    };
    return {
      Literal(node) {
        if (node.regex !== undefined && node.regex !== null) judge(node, node.regex.pattern, node.regex.flags);
      },
      NewExpression: build,
      CallExpression: build,
    };
  },
};

const roomOrder = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const path = context.filename.replaceAll("\\", "/");
    const start = path.lastIndexOf("/src/");
    if (start === -1) return {};
    const from = path.slice(start + 1);
    const judge = ({ source }) => {
      if (typeof source?.value !== "string" || !source.value.startsWith(".")) return;
      const message = whyNot(from, posix.join(posix.dirname(from), source.value));
      if (message !== null) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: judge,
      ExportNamedDeclaration: judge,
      ExportAllDeclaration: judge,
      ImportExpression: judge,
      TSImportType: ({ source, argument }) => judge({ source: source ?? argument?.literal ?? argument }),
    };
  },
};

function isInFunction(node) {
  for (let at = node.parent; at !== null && at !== undefined; at = at.parent) if (/Function/.test(at.type)) return true;
  return false;
}

// The linter reads a plugin from the default export and from nowhere else.
// oxlint-disable-next-line import/no-default-export
export default {
  meta: { name: "hydraflow" },
  rules: { "linear-expression": linearExpression, "room-order": roomOrder },
};
