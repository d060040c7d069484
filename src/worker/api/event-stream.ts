// Sends events to one WebSocket: first those after the reader's cursor, then every new one, without a gap or a double
// in between. A reader that is too slow is cut off; it comes back with its cursor.

import type { WebSocket } from "ws";

import { errnoOf } from "../../core/base/errors.ts";
import type { EventBus, EventCursor } from "../events/event-bus.ts";
import type { RecordedEvent } from "../events/event.ts";

const REPLAY_MAX = 5_000;
const UNSENT_BYTES_MAX = 1_048_576;
const PING_INTERVAL_MS = 30_000;
const CLOSE_WAIT_MS = 500;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_TRY_AGAIN = 1013;

/** Returns when the socket is closed. */
export async function streamEvents(
  bus: EventBus,
  socket: WebSocket,
  cursor: EventCursor | null,
  signal: AbortSignal,
): Promise<void> {
  const closed = new AbortController();
  socket.on("close", () => closed.abort());
  // We read nothing that a reader says; a broken frame closes the socket all the same.
  socket.on("error", () => closed.abort());
  const stopPinging = keepAlive(socket);
  try {
    const live = bus.subscribe(AbortSignal.any([signal, closed.signal]));
    const missed = cursor === null ? [] : bus.since(cursor, REPLAY_MAX);
    for (const event of missed) send(socket, event);
    const last = missed.at(-1);
    for await (const event of live) {
      if (last !== undefined && event.boot === last.boot && event.id <= last.id) continue;
      if (socket.bufferedAmount > UNSENT_BYTES_MAX)
        return socket.close(CLOSE_TRY_AGAIN, "too slow; come back with since");
      send(socket, event);
    }
    socket.close(CLOSE_GOING_AWAY, "the worker ends");
  } catch (thrown) {
    socket.close(
      CLOSE_TRY_AGAIN,
      errnoOf(thrown) === "EVENT_GAP" ? "too slow; come back with since" : "no more readers",
    );
  } finally {
    stopPinging();
    // A peer that does not answer the close would keep the socket for half a minute.
    setTimeout(() => socket.terminate(), CLOSE_WAIT_MS);
  }
}

function send(socket: WebSocket, event: RecordedEvent): void {
  socket.send(JSON.stringify(event));
}

/** A connection that does not answer one ping by the next is gone. */
function keepAlive(socket: WebSocket): () => void {
  let isAlive = true;
  socket.on("pong", () => (isAlive = true));
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, PING_INTERVAL_MS);
  return () => clearInterval(timer);
}
