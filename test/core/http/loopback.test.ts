import { createServer } from "node:net";

import { describe, expect, it } from "vitest";

import { listenOnLoopback } from "../../../src/core/http/loopback.ts";

describe("a server on loopback", () => {
  it("tells of a connection that it could not take, once, and stays", async () => {
    const told: string[] = [];
    await using server = createServer();
    const port = await listenOnLoopback(server, 0, "--tcp-port", ({ message }) => told.push(message));

    server.emit("error", new Error("accept EMFILE"));

    expect(told).toEqual(["accept EMFILE"]);
    expect(server.address()).toMatchObject({ address: "127.0.0.1", port });
  });

  it("stays also where nobody wants to hear of it", async () => {
    await using server = createServer();
    await listenOnLoopback(server, 0);

    server.emit("error", new Error("accept EMFILE"));

    expect(server.listening).toBe(true);
  });
});
