// GitHub Docs: "Linking a pull request to an issue using a keyword" (nine words, a colon or not, capitals or not; in
// the description, and in commit messages that reach the default branch), "Autolinked references and URLs".

import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { contract, expect, merge, openPull, signal, value } from "./contract.ts";
import type { GitHubWorld } from "./github-world.ts";

interface Words {
  readonly body?: string;
  readonly title?: string;
  readonly message?: string;
  readonly pullTitle?: string;
}

/** Merges a pull request with these words, and says whether issue 1 is closed. */
async function closes(world: GitHubWorld, github: GitHub, words: Words): Promise<boolean> {
  await world.addIssue();
  const pull = await openPull(world, github, "work", {
    body: words.body ?? "",
    title: words.pullTitle ?? "Some work",
  });
  await value(merge(github, pull, { title: words.title ?? "Do it", message: words.message ?? "" }));
  return (await value(github.issue(1, signal))).state === "closed";
}

const CLOSING: readonly (readonly [string, Words])[] = [
  ...["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"].map(
    (word) => [`"${word} #1" in the description`, { body: `It ${word} #1.` }] as const,
  ),
  ["capitals", { body: "FIXES #1" }],
  ["a colon", { body: "Closes: #1" }],
  ["the repository's name", { body: "fixes acme/web#1" }],
  ["the repository's name in other letters", { body: "fixes Acme/WEB#1" }],
  ["an address", { body: "fixes https://github.com/acme/web/issues/1" }],
  ["the short form GH-1", { body: "fixes GH-1" }],
  ["the commit's title", { title: "Fix #1" }],
  ["the commit's message", { message: "At last.\n\nResolves #1" }],
];

const NOT_CLOSING: readonly (readonly [string, Words])[] = [
  ["a bare reference", { body: "See #1." }],
  ["a word that only ends like one", { body: "Prefixes #1" }],
  ["something between the word and the number", { body: "fixes issue #1" }],
  ["another repository's number", { body: "fixes acme/other#1" }],
  ["the pull request's title alone", { pullTitle: "Fix #1", title: "Do it" }],
];

contract("a merge with closing words", {
  ...Object.fromEntries(
    CLOSING.map(([title, words]) => [
      `closes an issue by ${title}`,
      async (world, github) => expect(await closes(world, github, words)).toBe(true),
    ]),
  ),
});

contract("a merge without closing words", {
  ...Object.fromEntries(
    NOT_CLOSING.map(([title, words]) => [
      `closes no issue by ${title}`,
      async (world, github) => expect(await closes(world, github, words)).toBe(false),
    ]),
  ),

  "closes no issue by anything on another branch than the default one": async (world, github) => {
    await world.addIssue();
    await world.push("develop");
    const pull = await openPull(world, github, "work", { base: "develop", body: "Fixes #1" });
    await value(merge(github, pull, { title: "Fix #1" }));

    expect(await value(github.issue(1, signal))).toMatchObject({ state: "open" });
  },

  "closes no issue by words in a comment": async (world, github) => {
    const issue = await world.addIssue();
    const pull = await openPull(world, github);
    await value(github.createComment(pull.number, `Fixes #${issue}`, signal));
    await value(merge(github, pull));

    expect(await value(github.issue(issue, signal))).toMatchObject({ state: "open" });
  },
});
