// Keeps the last bytes of an output and forgets the rest, so that a flood costs no more than the limit.

export class ByteTail {
  readonly #bytesMax: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #cut = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (
      let [first] = this.#chunks;
      first !== undefined && this.#bytes - first.length >= this.#bytesMax;
      [first] = this.#chunks
    ) {
      this.#chunks.shift();
      this.#bytes -= first.length;
      this.#cut = true;
    }
  }

  /** The text begins with a mark when something was forgotten. */
  text(): string {
    const whole = Buffer.concat(this.#chunks);
    const kept = whole.subarray(Math.max(0, whole.length - this.#bytesMax));
    const isCut = this.#cut || kept.length < whole.length;
    return `${isCut ? "[…]" : ""}${kept.toString("utf8")}`;
  }
}
