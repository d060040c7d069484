// Knows the runtimes of this process by slug. There is one, and the API asks here so that it needs no special case for
// it.

import type { RepoRuntime } from "./repo-runtime.ts";

export class RepoRuntimeRegistry {
  readonly #runtimes = new Map<string, RepoRuntime>();

  add(runtime: RepoRuntime): void {
    this.#runtimes.set(runtime.slug, runtime);
  }

  get(slug: string): RepoRuntime | undefined {
    return this.#runtimes.get(slug);
  }

  list(): readonly RepoRuntime[] {
    return [...this.#runtimes.values()];
  }
}
