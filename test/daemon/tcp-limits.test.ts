import { once } from "node:events";
import { createInterface } from "node:readline";

import { describe, expect, it } from "vitest";

import { REQUESTS_PER_SECOND_MAX } from "../../src/core/control-message.ts";
import { ask, closed, until } from "./daemon-rig.ts";
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
    await using door = await DoorRig.open("none", { limits: { handshakeMs: 150, idleMs: 60_000 } });
    const socket = door.socket();
    const drip = setInterval(() => socket.write(" "), 20);

    await closed(socket);
    clearInterval(drip);

    expect(door.control.calls).toEqual([]);
  });

  it("end an idle connection, but not one whose request takes long", async () => {
    await using door = await DoorRig.open("none", { limits: { handshakeMs: 60_000, idleMs: 150 } });
    const busy = door.socket();
    busy.write('{"action":"ping"}\n');
    const answers = createInterface(busy)[Symbol.asyncIterator]();
    await answers.next();
    busy.write('{"action":"add_repo","path":"/slow"}\n');
    const idle = door.socket();
    idle.write('{"action":"ping"}\n');
    idle.resume();

    await closed(idle);
    const second = door.socket();
    second.write('{"action":"ping"}\n');
    second.resume();
    await closed(second);
    door.control.releaseSlow();

    expect(JSON.parse(String((await answers.next()).value))).toMatchObject({ started: true });
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
  it("lets the reply in hand out first", async () => {
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
