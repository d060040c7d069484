// A state file is one JSON file, replaced whole. Saves that come while one is being written are joined into the next,
// and each caller's promise settles only when its own change is on disk.

import { replaceFile } from "../../core/files/durable-file.ts";

export class StateFile {
  readonly #path: string;
  readonly #content: () => unknown;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string, content: () => unknown) {
    this.#path = path;
    this.#content = content;
  }

  save(): Promise<void> {
    const write = (): Promise<void> => this.#write();
    this.#next ??= this.#writing.then(write, write);
    return this.#next;
  }

  #write(): Promise<void> {
    this.#next = undefined;
    this.#writing = replaceFile(this.#path, JSON.stringify(this.#content()));
    return this.#writing;
  }
}
