// A token asks here for its own user and its budget.

import { answer, forbidden } from "../api/api-answer.ts";
import type { ApiRouter } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import type { RateLimiter } from "../api/rate-limiter.ts";
import { publicUserView } from "../views/user-view.ts";

/** GitHub limits its search API to this; the forge does not offer it, but the limit belongs to the answer. */
const SEARCH_LIMIT = 30;

export function accountRoutes(router: ApiRouter, core: ForgeCore, limiter: RateLimiter): void {
  // The token of an app's installation belongs to no user.
  router.on("GET /user", (request) =>
    request.token === null || request.token.kind === "installation"
      ? forbidden({ kind: "installation" })
      : answer(200, publicUserView(core.origin, request.login)),
  );

  router.on("GET /users/:login", (_request, { login = "" }) => answer(200, publicUserView(core.origin, login)));

  router.on("GET /rate_limit", (request) => {
    const { limit, remaining, reset, used } = limiter.budget(request.login);
    const rate = { limit, remaining, reset, used };
    const search = { limit: SEARCH_LIMIT, remaining: SEARCH_LIMIT, reset, used: 0 };
    return answer(200, { resources: { core: rate, search }, rate });
  });
}
