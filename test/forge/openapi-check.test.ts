import { beforeAll, describe, expect, test } from "vitest";

import type { Exchange } from "../../src/forge/doors/rest-door.ts";
import { type CheckExchange, loadOpenapiCheck } from "../support/openapi-check.ts";
import { ForgeRig, NAME } from "./forge-rig.ts";

describe("the check against GitHub's description", () => {
  let check: CheckExchange;
  beforeAll(async () => {
    check = await loadOpenapiCheck();
  });

  const json = { "content-type": "application/json" };
  const request = (method: string, path: string, body?: unknown): Exchange["request"] => ({
    method,
    path,
    query: {},
    headers: json,
    body,
  });

  test("accepts an issue as the forge shows it, and refuses the same with a wrong type, a missing field or a wrong date", async () => {
    const seen: Exchange[] = [];
    await using rig = await ForgeRig.start({ observe: (exchange) => seen.push(exchange) });
    await rig.forge.createIssue(NAME, { title: "One" });
    await rig.client().issues.get({ owner: "acme", repo: "web", issue_number: 1 });
    const [exchange] = seen;
    if (exchange === undefined) throw new Error("nothing was observed");
    const body = exchange.response.body as Record<string, unknown>;
    const { user: _user, ...without } = body;
    const problemsOf = (changed: unknown) => check(exchange.request, { ...exchange.response, body: changed });

    expect(problemsOf(body)).toEqual([]);
    expect(problemsOf({ ...body, number: "1" })).toHaveLength(1);
    expect(problemsOf({ ...body, created_at: "yesterday" })).toHaveLength(1);
    expect(problemsOf({ ...body, url: "not a url" })).toHaveLength(1);
    expect(problemsOf(without)).toHaveLength(1);
  });

  test("refuses a request that lacks what GitHub requires", () => {
    const missing = request("POST", "/repos/acme/web/pulls", { title: "No head" });
    const unprocessable = {
      status: 422,
      headers: json,
      body: { message: "Validation Failed", documentation_url: "https://docs.github.com" },
    };

    expect(check(missing, unprocessable)).not.toEqual([]);
  });

  test("refuses operations and statuses that GitHub does not have, and errors that it would word otherwise", () => {
    const get = request("GET", "/repos/acme/web/issues/1");

    expect(check(request("GET", "/repos/acme/web/nonsense/1"), { status: 200, headers: json, body: {} })).toHaveLength(
      1,
    );
    expect(check(get, { status: 202, headers: json, body: {} })).toHaveLength(1);
    expect(check(get, { status: 401, headers: json, body: "no" })).toHaveLength(1);
    expect(check(get, { status: 304, headers: json, body: {} })).toHaveLength(1);
  });
});
