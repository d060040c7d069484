// `hydraflow logs`: the record as it stands, or as a line for people, and following until someone has seen enough.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";

import { runCli, startCli } from "./cli-process.ts";
import { FakeDoor, problem } from "./fake-door.ts";

const RECORD = {
  level: "info",
  ts: "2026-01-02T03:04:05.000Z",
  boot_id: "b",
  issue: 7,
  by: "a b",
  msg: "issue.claimed",
};

function lines(...records: readonly unknown[]) {
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  return (response: ServerResponse) =>
    void response.writeHead(200, { "content-type": "application/x-ndjson" }).end(text);
}

test("records become lines with time, level, message and fields", async () => {
  await using door = await FakeDoor.open({
    "GET /api/repos/acme-web/logs?tail=200": lines(RECORD, { msg: "\u001b[2Jx" }),
  });

  const run = await runCli(["logs", "acme-web"], { environment: door.environment });

  expect(run.stdout).toBe('2026-01-02T03:04:05.000Z info  issue.claimed issue=7 by="a b"\n- -     x\n');
});

test("--json prints the records as they stand, and --tail says how many", async () => {
  await using door = await FakeDoor.open({ "GET /api/logs?tail=5": lines(RECORD) });

  const run = await runCli(["logs", "-n", "5", "--json"], { environment: door.environment });

  expect(run.stdout).toBe(`${JSON.stringify(RECORD)}\n`);
});

test("an unknown repository is refused in one line", async () => {
  await using door = await FakeDoor.open({
    "GET /api/repos/gone/logs?tail=200": problem("not_found", "no such repository"),
  });

  const run = await runCli(["logs", "gone"], { environment: door.environment });

  expect(run).toMatchObject({ code: 1, stdout: "", stderr: "hydraflow: no such repository\n" });
});

test("--follow prints what is written later, and an interrupt ends it well", async () => {
  let open: ServerResponse | undefined;
  await using door = await FakeDoor.open({
    "GET /api/repos/acme-web/logs?tail=200&follow=1": (response) => {
      open = response.writeHead(200);
      response.write(`${JSON.stringify(RECORD)}\n`);
    },
  });
  const child = startCli(["logs", "acme-web", "-f", "--json"], { environment: door.environment });
  const closed = once(child, "close");

  const [first] = await once(child.stdout!, "data");
  open?.write('{"msg":"later"}\n');
  const [second] = await once(child.stdout!, "data");
  child.kill("SIGINT");

  expect(String(first)).toBe(`${JSON.stringify(RECORD)}\n`);
  expect(String(second)).toBe('{"msg":"later"}\n');
  expect(await closed).toEqual([0, null]);
});

test("a reader that goes away ends following without an error", async () => {
  let open: ServerResponse | undefined;
  await using door = await FakeDoor.open({
    "GET /api/logs?tail=200&follow=1": (response) => {
      open = response.writeHead(200);
      response.write(`${JSON.stringify(RECORD)}\n`);
    },
  });
  const child = startCli(["logs", "--follow"], { environment: door.environment });
  const closed = once(child, "exit");

  await once(child.stdout!, "data");
  child.stdout!.destroy();
  open?.write(`${JSON.stringify(RECORD)}\n`.repeat(2));

  expect(await closed).toEqual([0, null]);
});
