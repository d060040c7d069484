// One router has all routes of GitHub's REST API that the forge serves.

import { ApiRouter } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import type { RateLimiter } from "../api/rate-limiter.ts";
import { accountRoutes } from "../routes/account-routes.ts";
import { appRoutes } from "../routes/app-routes.ts";
import { checkRoutes } from "../routes/check-routes.ts";
import { gitRoutes } from "../routes/git-routes.ts";
import { issueRoutes } from "../routes/issue-routes.ts";
import { labelRoutes } from "../routes/label-routes.ts";
import { pullRoutes } from "../routes/pull-routes.ts";
import { repositoryRoutes } from "../routes/repository-routes.ts";
import { reviewRoutes } from "../routes/review-routes.ts";
import { ruleRoutes } from "../routes/rule-routes.ts";
import { suiteRoutes } from "../routes/suite-routes.ts";

export function restRouter(core: ForgeCore, limiter: RateLimiter): ApiRouter {
  const router = new ApiRouter(core);
  accountRoutes(router, core, limiter);
  for (const addRoutes of [
    repositoryRoutes,
    issueRoutes,
    labelRoutes,
    pullRoutes,
    reviewRoutes,
    checkRoutes,
    suiteRoutes,
    ruleRoutes,
    appRoutes,
    gitRoutes,
  ]) {
    addRoutes(router, core);
  }
  return router;
}
