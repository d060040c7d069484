import { chmod, readFile, stat, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { ensureTokenFile, hashToken, isAcceptedToken, newToken } from "../../../src/core/http/bearer-token.ts";
import { readTokenFile } from "../../../src/core/files/token-file.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

describe("a token", () => {
  it("has 256 random bits", () => {
    const tokens = Array.from({ length: 100 }, newToken);

    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) expect(Buffer.from(token, "base64url")).toHaveLength(32);
  });

  it("is accepted by its hash, wherever in the list that stands", () => {
    const [token, other] = [newToken(), newToken()];

    expect(isAcceptedToken(token, [hashToken(other), hashToken(token)])).toBe(true);
    expect(isAcceptedToken(token, new Set([hashToken(token)]).values())).toBe(true);
  });

  it.each([undefined, "", "wrong", "x".repeat(100_000)])("is refused as %j", (given) => {
    expect(isAcceptedToken(given, [hashToken(newToken())])).toBe(false);
  });

  it("is refused when the hash itself is sent, and by lists that are empty or broken", () => {
    const token = newToken();
    const hash = hashToken(token);

    expect(isAcceptedToken(hash, [hash])).toBe(false);
    for (const broken of [
      [],
      [""],
      ["zz"],
      [hash.slice(0, 62)],
      [`${hash}00`],
      [hash.toUpperCase().replaceAll(/[A-F]/g, "G")],
    ])
      expect(isAcceptedToken(token, broken)).toBe(false);
  });
});

describe("the token file", () => {
  it("is made once, private, and read from then on", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("home", "token");

    const first = await ensureTokenFile(path);
    const second = await ensureTokenFile(path);

    expect(second).toBe(first);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toBe(`${first}\n`);
  });

  it("is refused when others may read it, with what to do about it", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("token");
    await writeFile(path, "some-token\n");

    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(path, mode);
      await expect(readTokenFile(path), mode.toString(8)).rejects.toMatchObject({
        code: "TOKEN_FILE_OPEN",
        exitCode: 78,
        message: expect.stringContaining("chmod 600"),
      });
    }
    await chmod(path, 0o400);
    expect(await readTokenFile(path)).toBe("some-token");
  });

  it("counts as absent when it is empty, and is then made", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("token");
    await writeFile(path, " \n", { mode: 0o600 });

    const before = await readTokenFile(path);
    const token = await ensureTokenFile(path);

    expect(before).toBeUndefined();
    expect(await readTokenFile(path)).toBe(token);
  });

  it("is not read when it is far too large", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("token");
    await writeFile(path, "x".repeat(5_000), { mode: 0o600 });

    await expect(readTokenFile(path)).rejects.toThrow(RangeError);
  });
});
