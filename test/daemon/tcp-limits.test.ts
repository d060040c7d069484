import { once } from "node:events";
import { createInterface } from "node:readline";

import { describe, expect, it } from "vitest";

import { REQUESTS_PER_SECOND_MAX } from "../../src/core/messages/control-message.ts";
import { ask, closed, exchange, until } from "./daemon-rig.ts";
import { DoorRig } from "./door-rig.ts";

describe("limits of time and number", () => {
  it("refuse requests beyond the rate, and the connection stays", async () => {
    await using door = await DoorRig.open("none");
    const asked = REQUESTS_PER_SECOND_MAX + 20;
    const answered = await door.replies(Array.from({ length: asked }, () => ({ action: "ping" })));

    expect(answered).toHaveLength(asked);
    expect(answered.filter(({ code }) => code === "too_many").length).toBeGreaterThanOrEqual(20);
    expect(door.control.calls).toHaveLength(answered.filter(({ status }) => status === "ok").length);
  });

  it("end a connection whose first request does not come, however it drips", async () => {
    await using door = await DoorRig.open("none", { limits: { handshakeMs: 150, oneShotMs: 60_000, idleMs: 60_000 } });
    const socket = door.socket();
    const drip = setInterval(() => socket.write(" "), 20);

    await closed(socket);
    clearInterval(drip);

    expect(door.control.calls).toEqual([]);
  });

  it("end an idle connection, but not one whose request takes long", async () => {
    await using door = await DoorRig.open("none", { limits: { handshakeMs: 60_000, oneShotMs: 60_000, idleMs: 150 } });
    const busy = door.socket();
    const answers = createInterface(busy)[Symbol.asyncIterator]();
    busy.write('{"action":"ping"}\n{"action":"ping"}\n{"action":"add_repo","path":"/slow"}\n');
    for (const idle of [door.socket(), door.socket()]) {
      idle.write('{"action":"ping"}\n{"action":"ping"}\n');
      idle.resume();
      await closed(idle);
    }
    door.control.releaseSlow();

    await answers.next();
    await answers.next();
    expect(JSON.parse(String((await answers.next()).value))).toMatchObject({ started: true });
  });

  it("end a connection that asked once and keeps its side open, as netcat does", async () => {
    await using door = await DoorRig.open("none", { limits: { handshakeMs: 60_000, oneShotMs: 50, idleMs: 60_000 } });

    expect(JSON.parse(await exchange(door.port, '{"action":"ping"}\n', false))).toMatchObject({ status: "ok" });
  });

  it("refuse a connection too many, and take it when another has gone", async () => {
    await using door = await DoorRig.open("none", { connectionsMax: 1 });
    const first = door.socket();
    first.write('{"action":"ping"}\n');
    await once(first, "data");

    expect(await ask(door.port, { action: "ping" })).toMatchObject({ code: "too_many" });
    first.destroy();
    await until("a free place", async () => (await ask(door.port, { action: "ping" })).status === "ok");
  });
});

describe("closing the door", () => {
  it("lets the reply in flight out first", async () => {
    await using door = await DoorRig.open("none");
    const asked = ask(door.port, { action: "add_repo", path: "/slow" });
    await ask(door.port, { action: "ping" });
    const closing = door.close();
    door.control.releaseSlow();

    expect(await asked).toMatchObject({ started: true });
    await closing;
  });

  it("says which port is in use", async () => {
    await using door = await DoorRig.open("none");

    await expect(DoorRig.open("none", { port: door.port })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      exitCode: 75,
      message: expect.stringContaining(String(door.port)) as string,
    });
  });
});
