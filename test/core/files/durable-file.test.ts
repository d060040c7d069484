import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import {
  ensurePrivateDirectory,
  exists,
  readTextIfExists,
  removeTemporaries,
  replaceFile,
} from "../../../src/core/files/durable-file.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

/** Lets the writer acknowledge some documents, kills it, and tells the last number that it acknowledged. */
async function killWhileWriting(path: string, from: number, acknowledged: number): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [fixture("replace-forever.ts"), path, String(from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("no stdout");
  const exited = once(child, "exit");
  let last = -1;
  let seen = 0;
  for await (const line of createInterface(child.stdout)) {
    last = Number(line);
    seen += 1;
    if (seen === acknowledged) child.kill("SIGKILL");
  }
  await exited;
  return last;
}

describe("a replaced file", () => {
  it("has the new content, is private, and nothing lies beside it", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");

    await replaceFile(path, "one");
    await replaceFile(path, Buffer.from("two"));

    expect(await readFile(path, "utf8")).toBe("two");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory.path)).toEqual(["state.json"]);
  });

  it("keeps its old content when the new one cannot be written whole", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await replaceFile(path, "old");

    const { stdout } = await promisify(execFile)("sh", [
      "-c",
      'ulimit -S -f 100; exec "$0" "$@"',
      process.execPath,
      fixture("replace-once.ts"),
      path,
    ]);

    expect(stdout).toBe("EFBIG");
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(directory.path)).toEqual(["state.json"]);
  });

  it("leaves nothing behind when the name is taken by a directory", async () => {
    await using directory = await makeTemporaryDirectory();
    await mkdir(directory.file("state.json", "inner"), { recursive: true });

    await expect(replaceFile(directory.file("state.json"), "text")).rejects.toMatchObject({ code: "EISDIR" });

    expect(await readdir(directory.path)).toEqual(["state.json"]);
  });

  it("takes the place of a symbolic link instead of writing through it", async () => {
    await using directory = await makeTemporaryDirectory();
    await writeFile(directory.file("target"), "precious");
    await symlink(directory.file("target"), directory.file("state.json"));

    await replaceFile(directory.file("state.json"), "new");

    expect(await readFile(directory.file("target"), "utf8")).toBe("precious");
    expect(await readFile(directory.file("state.json"), "utf8")).toBe("new");
  });

  it("is whole and holds at least what was acknowledged after its writer was killed", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    let next = 0;

    for (let round = 1; round <= 12; round += 1) {
      const acknowledged = await killWhileWriting(path, next, round * 3);
      const { n, padding } = JSON.parse(await readFile(path, "utf8")) as { n: number; padding: string };
      expect(n, `round ${round}`).toBeGreaterThanOrEqual(acknowledged);
      expect(padding).toBe("x".repeat((n * 997) % 20_000));
      next = n + 1;
    }

    await removeTemporaries(path);
    expect(await readdir(directory.path)).toEqual(["state.json"]);
  });
});

describe("what killed writes leave behind", () => {
  it("are removed for one file and its companions, not for its neighbours", async () => {
    await using directory = await makeTemporaryDirectory();
    for (const name of [
      ".state.json.0123456789ab.tmp",
      ".state.json.prev.0123456789ab.tmp",
      ".other.json.0123456789ab.tmp",
      "state.json.tmp",
    ])
      await writeFile(directory.file(name), "");

    await removeTemporaries(directory.file("state.json"));

    expect((await readdir(directory.path)).toSorted()).toEqual([".other.json.0123456789ab.tmp", "state.json.tmp"]);
  });
});

describe("private directories", () => {
  it("are made with all their parents, closed to others, and made twice without complaint", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("a", "b", "c");

    await ensurePrivateDirectory(path);
    await ensurePrivateDirectory(path);

    expect((await stat(directory.file("a"))).mode & 0o777).toBe(0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it("are refused where a file has the name", async () => {
    await using directory = await makeTemporaryDirectory();
    await writeFile(directory.file("a"), "");

    await expect(ensurePrivateDirectory(directory.file("a", "b"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });
});

describe("reading", () => {
  it("gives undefined for a file that is not there, and an error for one over the limit or a directory", async () => {
    await using directory = await makeTemporaryDirectory();
    await writeFile(directory.file("big"), "12345");

    expect(await readTextIfExists(directory.file("nothing"), 10)).toBeUndefined();
    expect(await readTextIfExists(directory.file("big"), 5)).toBe("12345");
    await expect(readTextIfExists(directory.file("big"), 4)).rejects.toThrow(RangeError);
    await expect(readTextIfExists(directory.path, 1_000_000)).rejects.toMatchObject({ code: "EISDIR" });
  });

  it("does not wait for a pipe, and does not read a device", async () => {
    await using directory = await makeTemporaryDirectory();
    await promisify(execFile)("mkfifo", [directory.file("pipe")]);

    await expect(readTextIfExists(directory.file("pipe"), 10)).rejects.toThrow("no regular file");
    await expect(readTextIfExists("/dev/zero", 10)).rejects.toThrow("no regular file");
  });

  it("tells whether something is there", async () => {
    await using directory = await makeTemporaryDirectory();
    await writeFile(directory.file("here"), "");

    const here = await exists(directory.file("here"));
    await rm(directory.file("here"));

    expect([here, await exists(directory.file("here"))]).toEqual([true, false]);
    await expect(exists("no\0path")).rejects.toThrow(/null bytes/);
  });
});
