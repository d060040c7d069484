// Tokens change under way: they are replaced in their file, run out, are refused; and a GitHub App makes its own.

import { generateKeyPairSync } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { configSchema } from "../../../src/core/config/config.ts";
import { Redactor } from "../../../src/core/logs/redact.ts";
import { z } from "../../../src/core/base/schema.ts";
import { FileCredential } from "../../../src/worker/github/access/file-credential.ts";
import { connect, type Connection } from "../../../src/worker/github/access/connect.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";
import { failureOf, valueOf } from "../git/git-fixture.ts";
import { type Asked, repositoryJson, ScriptedGitHub } from "./scripted-github.ts";

const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;
const repository = { owner: "acme", name: "web", fullName: "acme/web" };
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2_048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  // GitHub gives the key in this form.
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});

describe("A credential", () => {
  let directory: TemporaryDirectory;
  let server: ScriptedGitHub;
  let clock: ManualClock;
  let redactor: Redactor;

  beforeEach(async () => {
    directory = await makeTemporaryDirectory();
    server = await ScriptedGitHub.start();
    clock = new ManualClock();
    redactor = new Redactor();
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const write = (name: string, text: string) => writeFile(directory.file(name), text, { mode: 0o600 });
  const open = (settings: Record<string, unknown> = {}, environmentToken: string | null = null) =>
    connect({
      config: z.parse(configSchema, { githubApiUrl: server.url, ...settings }),
      repository,
      home: directory.path,
      environmentToken,
      environment: {},
      userAgent: "hydraflow-test",
      clock,
      redactor,
      onFailure: (event) => server.events.push(event),
    });
  const openApp = async (more: Record<string, unknown> = {}): Promise<Connection> => {
    await write("app.pem", privateKey);
    return valueOf(asResult(await open({ githubAppId: 12, githubAppPrivateKeyFile: "app.pem", ...more })));
  };
  const accept = (...tokens: string[]) =>
    server.answers.set("GET /repos/acme/web", (asked) =>
      tokens.includes(tokenOf(asked))
        ? { body: repositoryJson() }
        : { status: 401, body: { message: "Bad credentials" } },
    );

  describe("in a file", () => {
    it("is read again when GitHub refuses it, and the request is sent once more", async () => {
      await write("github-token", "the-first-token\n");
      accept("the-first-token");
      const { github } = valueOf(asResult(await open()));
      valueOf(await github.repository(signal));
      await write("github-token", "the-second-token\n");
      accept("the-second-token");

      valueOf(await github.repository(signal));

      expect(server.asked.map(tokenOf)).toEqual(["the-first-token", "the-first-token", "the-second-token"]);
      expect(redactor.redact("the-first-token the-second-token")).not.toContain("token");
      expect(server.events).toEqual([]);
    });

    it("is asked for once where it has not changed", async () => {
      await write("github-token", "the-first-token\n");
      accept();
      const { github } = valueOf(asResult(await open()));

      expect(failureOf(await github.repository(signal)).kind).toBe("unauthorized");
      expect(server.asked).toHaveLength(1);
    });

    it("is read again every hour, and as long as there is none", async () => {
      const credential = new FileCredential(directory.file("github-token"), clock);
      const read = async () => valueOf(await credential.token());
      const tokens = [await read()];
      await write("github-token", "one");
      tokens.push(await read());
      await write("github-token", "two");
      tokens.push(await read());
      await clock.advance(HOUR_MS);
      tokens.push(await read());

      expect(tokens).toEqual([null, "one", "one", "two"]);
    });

    it("is refused where others can read the file", async () => {
      await write("github-token", "the-first-token");
      await chmod(directory.file("github-token"), 0o644);
      const { github } = valueOf(asResult(await open()));

      expect(failureOf(await github.repository(signal)).message).toContain("can be read by other users");
      expect(server.asked).toEqual([]);
    });

    it("gives way to GITHUB_TOKEN", async () => {
      await write("github-token", "the-first-token");
      accept("of-the-environment");

      expect((await valueOf(asResult(await open({}, "of-the-environment"))).github.repository(signal)).ok).toBe(true);
    });
  });

  describe("of a GitHub App", () => {
    let made: number;

    beforeEach(() => {
      made = 0;
      server.answers.set("GET /repos/acme/web/installation", { body: { id: 34 } });
      server.answers.set("POST /app/installations/34/access_tokens", () => {
        made += 1;
        const expires_at = new Date(clock.now().getTime() + HOUR_MS).toISOString();
        return { status: 201, body: { token: `made-token-${made}`, expires_at, permissions: {} } };
      });
      accept("made-token-1", "made-token-2", "made-token-3");
    });

    it("finds its installation by the repository, and signs as GitHub asks", async () => {
      const { github } = await openApp();

      valueOf(await github.repository(signal));

      const [, payload = ""] = (server.asked[0]?.headers.authorization ?? "").split(/[ .]/).slice(1);
      expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({ iss: 12 });
      expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
        "GET /repos/acme/web/installation",
        "POST /app/installations/34/access_tokens",
        "GET /repos/acme/web",
      ]);
    });

    it("renews its token before it runs out, and keeps it until then", async () => {
      const { credential } = await openApp({ githubAppInstallationId: 34 });
      const tokens: unknown[] = [];
      for (const minutes of [0, 50, 6]) {
        await clock.advance(minutes * 60_000);
        tokens.push(valueOf(await credential.token(signal)));
      }

      expect(tokens).toEqual(["made-token-1", "made-token-1", "made-token-2"]);
      expect(redactor.redact("made-token-1 made-token-2")).not.toContain("made");
    });

    it("makes one token for all who ask at the same time", async () => {
      const { credential } = await openApp({ githubAppInstallationId: 34 });

      await Promise.all([1, 2, 3].map(() => credential.token(signal)));

      expect(made).toBe(1);
    });

    it("makes another one when GitHub refuses it, and not again at once when that is refused too", async () => {
      const { github } = await openApp({ githubAppInstallationId: 34 });
      valueOf(await github.repository(signal));
      await clock.advance(120_000);
      accept("made-token-2");
      valueOf(await github.repository(signal));
      accept();
      for (let tries = 0; tries < 3; tries += 1) await github.repository(signal);

      expect(made).toBe(2);
    });

    it("is called `<slug>[bot]`, without GET /user", async () => {
      server.answers.set("GET /app", { body: { slug: "our-app" } });
      const { github } = await openApp();

      expect(valueOf(await github.viewer(signal))).toBe("our-app[bot]");
      expect(server.count("GET /user")).toBe(0);
    });

    it("says what is wrong where it is not installed, its key is open to others or no key at all", async () => {
      server.answers.delete("GET /repos/acme/web/installation");
      const absent = await openApp();
      expect(failureOf(await absent.github.repository(signal)).message).toContain("installed on this repository");

      await chmod(directory.file("app.pem"), 0o640);
      expect(failureOf(await absent.github.repository(signal)).message).toContain("can be read by other users");
      const broken = await openApp();
      await write("app.pem", "no key");
      await chmod(directory.file("app.pem"), 0o600);
      expect(failureOf(await broken.github.repository(signal)).message).toContain("the GitHub App got no token");
      const half = await open({ githubAppId: 12 });
      expect(half.ok ? "" : half.failure).toContain("githubAppPrivateKeyFile");
    });
  });
});

function tokenOf({ headers }: Asked): string {
  return (headers.authorization ?? "").replace(/^token /, "");
}

function asResult<T>(opened: { ok: true; value: T } | { ok: false; failure: string }) {
  return opened.ok ? opened : ({ ok: false, failure: { message: opened.failure } } as const);
}
