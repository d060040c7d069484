// The demo has three repositories and twelve issues: small, real projects with real test suites. Every issue is written
// as a person would write it; the demo agent does what the fenced blocks say.

import type { SampleIssue } from "./sample-issue.ts";
import { alreadyDone, asksFirst, objectedOnce, plain } from "./sample-issue.ts";

export interface SampleRepository {
  readonly owner: string;
  readonly name: string;
  /** The first commit has these: path → content. */
  readonly files: Readonly<Record<string, string>>;
  readonly issues: readonly SampleIssue[];
}

export const SAMPLE_REPOSITORIES: readonly SampleRepository[] = [
  {
    owner: "acme",
    name: "web",
    files: {
      "package.json": packageJson("web"),
      "README.md": "# web\n\nText functions of the acme web site. `npm test` runs the tests.\n",
      "src/escape-html.js": [
        "const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\"': '&quot;' };",
        "",
        "export function escapeHtml(text) {",
        '  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]);',
        "}",
        "",
      ].join("\n"),
      "test/escape-html.test.js": testFile("escape-html", "escapeHtml", [["escapeHtml('<a>')", "'&lt;a&gt;'"]]),
    },
    issues: [
      plain({
        title: "Add slugify for article addresses",
        need: "Article addresses are typed by hand today. We need a function that makes an address out of a title.",
        module: "slugify",
        code: "export function slugify(title) {\n  return title.toLowerCase().trim().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');\n}\n",
        test: testFile("slugify", "slugify", [["slugify('  Hello, World! ')", "'hello-world'"]]),
      }),
      plain({
        title: "Add truncate for teaser texts",
        need: "Teasers on the start page overflow their boxes. Cut a text at a length, at a word's end, with an ellipsis.",
        module: "truncate",
        code: "export function truncate(text, lengthMax) {\n  if (text.length <= lengthMax) return text;\n  const cut = text.slice(0, lengthMax + 1);\n  const end = cut.lastIndexOf(' ');\n  return `${text.slice(0, end > 0 ? end : lengthMax)}…`;\n}\n",
        test: testFile("truncate", "truncate", [
          ["truncate('short', 10)", "'short'"],
          ["truncate('one two three', 8)", "'one two…'"],
        ]),
      }),
      asksFirst({
        title: "Show the site's name in page titles",
        need: "Page titles should end with the name of the site, so that tabs can be told apart.",
        question: "What is the name of the site, as it should stand in the titles?",
        answer: "Acme Market",
        module: "page-title",
        code: "export function pageTitle(title) {\n  return `${title} · {{answer}}`;\n}\n",
        test: testFile("page-title", "pageTitle", [["pageTitle('Shoes').startsWith('Shoes · ')", "true"]]),
      }),
      alreadyDone({
        title: "Escape HTML in comments of readers",
        need: "A reader's comment with a tag in it breaks the page. Escape the four special characters before showing it.",
        feature: "src/escape-html.js:3",
        tests: "test/escape-html.test.js",
        criteria: "the four special characters are replaced by entities",
      }),
    ],
  },
  {
    owner: "acme",
    name: "api",
    files: {
      "package.json": packageJson("api"),
      ".hydraflow/config.json": `${JSON.stringify({ gateCommand: "node --test" }, null, 2)}\n`,
      "README.md": "# api\n\nMoney and orders of the acme shop. `node --test` runs the tests.\n",
      "src/add-tax.js":
        "export function addTax(cents, percent) {\n  return Math.round(cents * (1 + percent / 100));\n}\n",
      "test/add-tax.test.js": testFile("add-tax", "addTax", [["addTax(1000, 19)", "1190"]]),
    },
    issues: [
      plain({
        title: "Add a parser for amounts of money",
        need: "Orders arrive with amounts as text, such as 12.30. We need cents as a whole number, and an error for nonsense.",
        module: "parse-amount",
        code: "export function parseAmount(text) {\n  const match = /^(\\d+)(?:\\.(\\d{2}))?$/.exec(text);\n  if (match === null) throw new TypeError(`not an amount: ${text}`);\n  return Number(match[1]) * 100 + Number(match[2] ?? 0);\n}\n",
        test: testFile("parse-amount", "parseAmount", [
          ["parseAmount('12.30')", "1230"],
          ["parseAmount('7')", "700"],
        ]),
      }),
      objectedOnce({
        title: "Split a bill without losing a cent",
        need: "Shared orders are split between customers. The parts must add up to the whole, the first ones carry the rest.",
        module: "split-bill",
        code: "export function splitBill(cents, people) {\n  const part = Math.floor(cents / people);\n  const rest = cents % people;\n  return Array.from({ length: people }, (_, index) => part + (index < rest ? 1 : 0));\n}\n",
        test: testFile("split-bill", "splitBill", [["splitBill(100, 3)", "[34, 33, 33]"]]),
        finding: "The tests do not show that the parts add up to the whole.",
        addition: testCase("the parts add up", "splitBill(1001, 7).reduce((sum, part) => sum + part)", "1001"),
      }),
      asksFirst({
        title: "Format amounts for invoices",
        need: "Invoices show raw cents. They should show the amount with two decimals and our currency behind it.",
        question: "Which currency code should stand behind the amount?",
        answer: "EUR",
        module: "format-amount",
        code: "export function formatAmount(cents) {\n  return `${(cents / 100).toFixed(2)} {{answer}}`;\n}\n",
        test: testFile("format-amount", "formatAmount", [["formatAmount(1230).startsWith('12.30 ')", "true"]]),
      }),
      plain({
        title: "Add order numbers with a check digit",
        need: "Customers mistype order numbers on the phone. Add a check digit so that a wrong digit is found at once.",
        module: "order-number",
        code: "export function orderNumber(serial) {\n  const digits = String(serial);\n  const sum = [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);\n  return `${digits}${(10 - (sum % 10)) % 10}`;\n}\n",
        test: testFile("order-number", "orderNumber", [["orderNumber(1234)", "'12342'"]]),
      }),
    ],
  },
  {
    owner: "acme",
    name: "tasks",
    files: {
      "package.json": packageJson("tasks"),
      "README.md": "# tasks\n\nThe task list of the acme office. `npm test` runs the tests.\n",
      "src/task.js": "export function task(title) {\n  return { title, done: false };\n}\n",
      "test/task.test.js": testFile("task", "task", [["task('sweep')", "{ title: 'sweep', done: false }"]]),
    },
    issues: [
      plain({
        title: "Sort tasks by their due date",
        need: "The list shows tasks in the order they were typed. Show what is due first at the top, undated tasks last.",
        module: "sort-by-due",
        code: "export function sortByDue(tasks) {\n  return tasks.toSorted((a, b) => (a.due ?? '9999').localeCompare(b.due ?? '9999'));\n}\n",
        test: testFile("sort-by-due", "sortByDue", [
          [
            "sortByDue([{}, { due: '2026-02-01' }, { due: '2026-01-01' }]).map((task) => task.due)",
            "['2026-01-01', '2026-02-01', undefined]",
          ],
        ]),
      }),
      plain({
        title: "Count the tasks that are still open",
        need: "The page header should show how many tasks are open. Add a function that counts them.",
        module: "count-open",
        code: "export function countOpen(tasks) {\n  return tasks.filter((task) => !task.done).length;\n}\n",
        test: testFile("count-open", "countOpen", [["countOpen([{ done: true }, { done: false }])", "1"]]),
      }),
      asksFirst({
        title: "Greet the user above the task list",
        need: "The list looks bare in the morning. Show one friendly line with the user's name above it.",
        question: "Which word should the greeting begin with?",
        answer: "Welcome",
        module: "greeting",
        code: "export function greeting(name) {\n  return `{{answer}}, ${name}!`;\n}\n",
        test: testFile("greeting", "greeting", [["greeting('Kim').endsWith(', Kim!')", "true"]]),
      }),
      plain({
        title: "Find tasks by a word in their title",
        need: "With two hundred tasks nobody finds anything. Add a search that ignores upper and lower case.",
        module: "find-tasks",
        code: "export function findTasks(tasks, word) {\n  return tasks.filter((task) => task.title.toLowerCase().includes(word.toLowerCase()));\n}\n",
        test: testFile("find-tasks", "findTasks", [
          ["findTasks([{ title: 'Sweep' }, { title: 'Mop' }], 'SWEEP').length", "1"],
        ]),
      }),
    ],
  },
];

export function packageJson(name: string): string {
  return `${JSON.stringify({ name, version: "1.0.0", private: true, type: "module", scripts: { test: "node --test" } }, null, 2)}\n`;
}

export function testFile(
  module: string,
  imported: string,
  cases: readonly (readonly [expression: string, expected: string])[],
): string {
  const head = [
    "import assert from 'node:assert/strict';",
    "import { test } from 'node:test';",
    "",
    `import { ${imported} } from '../src/${module}.js';`,
    "",
  ].join("\n");
  return [head, ...cases.map(([expression, expected]) => testCase(expression, expression, expected))].join("\n");
}

export function testCase(title: string, expression: string, expected: string): string {
  return `test(${JSON.stringify(title)}, () => {\n  assert.deepEqual(${expression}, ${expected});\n});\n`;
}
