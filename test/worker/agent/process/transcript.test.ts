import { readFile, symlink, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { Transcript } from "../../../../src/worker/agent/process/transcript.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

describe("a transcript", () => {
  it("goes on where an earlier turn has ended", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("logs", "plan-1.jsonl");

    for (const line of ["first", "second"]) {
      await using transcript = await Transcript.open(path);
      await transcript.append(line);
    }

    expect(await readFile(path, "utf8")).toBe("first\nsecond\n");
  });

  it("is cut at its limit, marked once, over all turns together", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("plan-1.jsonl");

    for (const line of ["x".repeat(60), "y".repeat(60), "z"]) {
      await using transcript = await Transcript.open(path, 100);
      await transcript.append(line);
    }

    expect(await readFile(path, "utf8")).toBe(`${"x".repeat(60)}\n{"type":"hydraflow","subtype":"transcript-cut"}\n`);
  });

  it("does not follow a link, and does without when it cannot be written", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("elsewhere"), "");
    await symlink(directory.file("elsewhere"), directory.file("plan-1.jsonl"));

    await using transcript = await Transcript.open(directory.file("plan-1.jsonl"));
    await transcript.append("a line");

    expect(await readFile(directory.file("elsewhere"), "utf8")).toBe("");
  });
});
