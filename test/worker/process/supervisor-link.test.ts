import { describe, expect, it, vi } from "vitest";

import type { FromWorker } from "../../../src/core/messages/worker-message.ts";
import { SupervisorLink } from "../../../src/worker/process/supervisor-link.ts";

const START = {
  type: "start",
  nonce: "this-spawn",
  generation: 1,
  repo: "acme/web",
  slug: "acme-web",
  checkout: "/srv/web",
  dataRoot: "/home/acme-web",
  acceptedTokenHashes: [],
  githubToken: null,
  config: { file: null, environment: {}, commandLine: {} },
};

/** `early` comes between the start message and readiness. `vitals` may be changed later. */
function linked(early?: unknown) {
  const vitals = { inFlight: 1, rssBytes: 5, notice: null as string | null, work: [{ issue: 3, stage: "plan" }] };
  const said: FromWorker[] = [];
  let hear: (message: unknown) => void = () => undefined;
  let stops = 0;
  const channel = {
    pid: 7,
    send: (message: FromWorker) => void said.push(message),
    onMessage: (listener: (message: unknown) => void) => void (hear = listener),
  };
  const link = new SupervisorLink(channel, () => (stops += 1));
  const open: boolean[] = [];
  hear(START);
  if (early !== undefined) hear(early);
  link.ready(4_000, {
    vitals: () => ({ ...vitals }),
    setOpen: (isOpen) => void open.push(isOpen),
  });
  return { link, said, vitals, open, hear: (message: unknown) => hear(message), stops: () => stops };
}

describe("the channel to the supervisor", () => {
  it("answers a drain at once with what is in flight, and takes no new issue until it is told to go on", () => {
    const { link, said, open, hear } = linked();

    hear({ type: "drain", nonce: "this-spawn" });
    const draining = said.at(-1);
    hear({ type: "resume", nonce: "this-spawn" });
    const resumed = said.at(-1);
    link[Symbol.dispose]();

    expect(open).toEqual([false, true]);
    expect(draining).toMatchObject({
      type: "heartbeat",
      inFlight: 1,
      work: [{ issue: 3, stage: "plan" }],
      draining: true,
    });
    expect(resumed).not.toHaveProperty("draining");
  });

  it("that is closed before it is ready takes no issue from its first moment on", () => {
    const { link, said, open } = linked({ type: "drain", nonce: "this-spawn" });
    link[Symbol.dispose]();

    expect(open).toEqual([false]);
    expect(said.slice(-2)).toMatchObject([{ type: "ready" }, { type: "heartbeat", draining: true }]);
  });

  it("is quiet while nothing is in flight and nothing is new, but is heard within the supervisor's patience", () => {
    vi.useFakeTimers();
    try {
      const { link, said, vitals } = linked();
      using _ = link;
      const beatsIn = (ms: number): number => {
        const before = said.length;
        vi.advanceTimersByTime(ms);
        return said.length - before;
      };

      const busy = beatsIn(20_000);
      Object.assign(vitals, { inFlight: 0, work: [] });
      const told = beatsIn(5_000);
      const idle = beatsIn(40_000);
      Object.assign(vitals, { notice: "GitHub cannot be asked" });

      expect([busy, told, idle, beatsIn(5_000)]).toEqual([4, 1, 2, 1]);
      expect(said.at(-1)).toMatchObject({ notice: "GitHub cannot be asked" });
    } finally {
      vi.useRealTimers();
    }
  });

  it("hears nothing that is meant for another spawn", () => {
    const { link, open, hear, stops } = linked();

    hear({ type: "drain", nonce: "an-earlier-spawn" });
    hear({ type: "stop", nonce: "an-earlier-spawn" });
    link[Symbol.dispose]();

    expect([open, stops()]).toEqual([[], 0]);
  });
});
