// Remembers answers with their ETag, so that asking again for an unchanged one costs nothing of the rate limit: GitHub
// answers 304 to `if-none-match`. The cache is bounded by entries and by bytes; the answer that was not used for
// longest goes first.

export interface CachedAnswer<T> {
  readonly etag: string;
  readonly answer: T;
}

export interface EtagCacheLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

interface Entry<T> {
  readonly cached: CachedAnswer<T>;
  readonly bytes: number;
}

export class EtagCache<T> {
  readonly #limits: EtagCacheLimits;
  /** A map keeps the order of insertion, which is here the order of use. */
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;

  constructor(limits: EtagCacheLimits) {
    this.#limits = limits;
  }

  get(url: string): CachedAnswer<T> | undefined {
    const entry = this.#entries.get(url);
    if (entry === undefined) return undefined;
    this.#entries.delete(url);
    this.#entries.set(url, entry);
    return entry.cached;
  }

  set(url: string, cached: CachedAnswer<T>): void {
    this.#remove(url);
    const bytes = Buffer.byteLength(JSON.stringify(cached));
    if (bytes > this.#limits.bytesMax) return;
    this.#entries.set(url, { cached, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.entriesMax && this.#bytes <= this.#limits.bytesMax) break;
      this.#remove(oldest);
    }
  }

  #remove(url: string): void {
    const entry = this.#entries.get(url);
    if (entry === undefined) return;
    this.#entries.delete(url);
    this.#bytes -= entry.bytes;
  }
}
