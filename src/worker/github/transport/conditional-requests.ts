// Makes an Octokit ask with the ETag it has seen, and turn "not modified" back into the answer. No plugin does this.

import type { Octokit } from "@octokit/rest";

import type { EtagCache } from "./etag-cache.ts";
import { refusedOf, type ResponseHeaders } from "../port/github-failure.ts";

export type RawAnswer = Awaited<ReturnType<Octokit["request"]>>;

/** `onNotModified` gets the headers of the 304 itself, which are newer than those of the answer. */
export function askConditionally(
  octokit: Octokit,
  cache: EtagCache<RawAnswer>,
  onNotModified: (headers: ResponseHeaders) => void,
): void {
  octokit.hook.wrap("request", async (send, parameters) => {
    if (parameters.method !== "GET") return send(parameters);
    const { url } = octokit.request.endpoint(parameters);
    const known = cache.get(url);
    // The plugins' hooks are bound to this very object: passing on a changed copy would change nothing.
    if (known !== undefined) parameters.headers = { ...parameters.headers, "if-none-match": known.etag };
    try {
      const answer = await send(parameters);
      const { etag } = answer.headers;
      if (typeof etag === "string" && typeof answer.data === "object") cache.set(url, { etag, answer });
      return answer;
    } catch (error) {
      const refused = refusedOf(error);
      if (known === undefined || refused?.status !== 304) throw error;
      onNotModified(refused.headers);
      return known.answer;
    }
  });
}
