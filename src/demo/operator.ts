// The person of the demo waits for questions and answers each once, the first through the daemon's door, the others by
// a comment on the issue, as people do.

import type { Door } from "./door.ts";
import { type DemoWorld, OPERATOR, ROBOT } from "./demo-world.ts";

const QUESTION_MARK = /<!-- hydraflow:\S*comment\/question/;
const ANSWER_AGAIN_MS = 10_000;

export class DemoOperator {
  readonly #world: DemoWorld;
  readonly #door: Door;
  /** Maps `slug#issue` to when it was last answered through the door, or to infinity after a comment, which lasts. */
  readonly #answered = new Map<string, number>();

  constructor(world: DemoWorld, door: Door) {
    this.#world = world;
    this.#door = door;
  }

  /** So many issues were answered. */
  get answered(): number {
    return this.#answered.size;
  }

  /** Answers the questions that are open now. */
  async answerOpenQuestions(signal: AbortSignal): Promise<void> {
    for (const { repo, issue } of await this.#door.questions(signal)) await this.#answer(repo, issue, signal);
  }

  async #answer(slug: string, number: number, signal: AbortSignal): Promise<void> {
    const key = `${slug}#${number}`;
    const repository = this.#world.repositories.find((candidate) => candidate.slug === slug);
    const answer = repository?.issues.find((issue) => issue.number === number)?.sample.answer;
    if (repository === undefined || answer === undefined || answer === null) return;
    if (Date.now() < (this.#answered.get(key) ?? 0) + ANSWER_AGAIN_MS) return;
    if (repository === this.#world.repositories[0]) {
      // A refusal or a lost answer is tried again; the worker keeps the first answer only.
      if (await this.#door.answer(slug, number, answer, signal)) this.#answered.set(key, Date.now());
    } else if (this.#isAskedOnForge(repository.fullName, number)) {
      this.#answered.set(key, Number.POSITIVE_INFINITY);
      await this.#world.forge.addComment(repository.fullName, number, OPERATOR, answer);
    }
  }

  /**
   * The daemon knows its question a moment before the comment with it stands on the issue; a person reads the comment.
   */
  #isAskedOnForge(fullName: string, number: number): boolean {
    return this.#world.forge
      .comments(fullName, number)
      .some(({ author, body }) => author === ROBOT && QUESTION_MARK.test(body));
  }
}
