import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

import { Webhooks } from "@octokit/webhooks";
import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly payload: {
    action?: string;
    repository?: { full_name: string };
    sender?: { login: string };
    number?: number;
  };
}

class Receiver implements AsyncDisposable {
  readonly deliveries: Delivery[] = [];
  url = "";
  readonly #server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      this.deliveries.push({ headers: incoming.headers, text, payload: JSON.parse(text) as Delivery["payload"] });
      outgoing.writeHead(202).end();
    });
  });

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    receiver.url = `http://127.0.0.1:${(receiver.#server.address() as AddressInfo).port}/hook`;
    return receiver;
  }

  names(): string[] {
    return this.deliveries.map(({ headers, payload }) =>
      [headers["x-github-event"], payload.action].filter(Boolean).join("."),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close").catch(() => undefined);
  }
}

describe("webhooks of the forge", () => {
  test("a pull request's life is delivered in order, signed, each with an id of its own", async () => {
    await using receiver = await Receiver.start();
    await using rig = await ForgeRig.start({ ci: { command: "true" } });
    const octokit = rig.client();
    await rig.forge.idle();
    await rig.forge.addWebhook(NAME, receiver.url, "secret");
    await rig.forge.createIssue(NAME, { title: "One", labels: ["find"], author: "ann" });
    await rig.forge.addComment(NAME, 1, "ann", "hello");
    const pull_number = await rig.openPull("feature", { body: "Fixes #1" });
    await rig.forge.idle();
    await octokit.pulls.merge({ ...REPO, pull_number, merge_method: "squash" });
    await rig.forge.idle();

    expect(receiver.names()).toEqual([
      "issues.opened",
      "issues.labeled",
      "issue_comment.created",
      "push",
      "pull_request.opened",
      "check_run.created",
      "check_run.created",
      "check_run.completed",
      "pull_request.closed",
      "issues.closed",
      "push",
      "check_run.created",
      "check_run.created",
      "check_run.completed",
    ]);
    const webhooks = new Webhooks({ secret: "secret" });
    for (const { headers, text } of receiver.deliveries) {
      expect(await webhooks.verify(text, String(headers["x-hub-signature-256"]))).toBe(true);
    }
    const [first] = receiver.deliveries;
    expect(await webhooks.verify(`${first?.text} `, String(first?.headers["x-hub-signature-256"]))).toBe(false);
    expect(first?.payload).toMatchObject({ repository: { full_name: NAME }, sender: { login: "ann" } });
    expect(new Set(receiver.deliveries.map(({ headers }) => headers["x-github-delivery"])).size).toBe(
      receiver.deliveries.length,
    );
  });

  test("a webhook gets only the events it asked for, and none after it was removed", async () => {
    await using receiver = await Receiver.start();
    await using rig = await ForgeRig.start();
    await rig.forge.addCollaborator(NAME, rig.forge.login, "admin");
    const octokit = rig.client();
    const config = { url: receiver.url, secret: "s" };
    const { data: hook } = await octokit.repos.createWebhook({ ...REPO, events: ["issues"], config });
    await rig.forge.createIssue(NAME, { title: "One" });
    await rig.forge.addComment(NAME, 1, "ann", "hello");
    await rig.forge.idle();
    const { data: hooks } = await octokit.repos.listWebhooks(REPO);
    await octokit.repos.deleteWebhook({ ...REPO, hook_id: hook.id });
    await rig.forge.createIssue(NAME, { title: "Two" });
    await rig.forge.idle();

    expect(hooks.map((one) => [one.id, one.config.secret])).toEqual([[hook.id, undefined]]);
    expect(receiver.names()).toEqual(["issues.opened"]);
  });

  test("only loopback addresses are delivered to", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.addCollaborator(NAME, rig.forge.login, "admin");
    const create = (url: string) => refusalOf(rig.client().repos.createWebhook({ ...REPO, config: { url } }));

    for (const url of [
      "http://192.0.2.1/hook",
      "https://example.com/",
      "http://127.0.0.1.example.com/",
      "file:///etc/passwd",
      "http:nonsense",
    ]) {
      expect((await create(url)).status).toBe(422);
      await expect(rig.forge.addWebhook(NAME, url, "s")).rejects.toMatchObject({ code: "FORGE_INPUT" });
    }
  });

  test("a receiver that is gone costs a log line and nothing else", async () => {
    const failed: string[] = [];
    await using rig = await ForgeRig.start({
      log: (event) => {
        if (event.type === "webhook.failed") failed.push(event.event);
      },
    });
    const receiver = await Receiver.start();
    await receiver[Symbol.asyncDispose]();
    await rig.forge.addWebhook(NAME, receiver.url, "s");

    await rig.forge.createIssue(NAME, { title: "One" });
    await rig.forge.idle();

    expect(failed).toEqual(["issues"]);
    expect(rig.forge.issues(NAME)).toHaveLength(1);
  });
});
