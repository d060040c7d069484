// The TCP door: JSON lines on loopback, for scripts and for clients of the first implementation.

import { createServer } from "node:net";

import { CONNECTIONS_MAX } from "../../core/messages/control-message.ts";
import { listenOnLoopback } from "../../core/http/loopback.ts";
import { type ControlHandler, errorReply } from "./control-handler.ts";
import { CONNECTION_LIMITS, type ConnectionLimits, TcpConnection } from "./tcp-connection.ts";

/** Replies in flight may take this long when the door closes. */
const DRAIN_MS = 2_000;

export interface TcpDoor extends AsyncDisposable {
  readonly port: number;
}

export interface TcpDoorOptions {
  /** 0 binds any free port. */
  readonly port: number;
  readonly handle: ControlHandler;
  readonly limits?: ConnectionLimits;
  readonly connectionsMax?: number;
}

/** Throws PORT_IN_USE or LISTEN_FAILED. Aborting the signal gives up what requests wait for, not the door. */
export async function openTcpDoor(options: TcpDoorOptions, signal: AbortSignal): Promise<TcpDoor> {
  const { handle, limits = CONNECTION_LIMITS, connectionsMax = CONNECTIONS_MAX } = options;
  const connections = new Set<TcpConnection>();
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (connections.size >= connectionsMax) {
      socket.on("error", () => undefined);
      socket.end(
        `${errorReply({ code: "too_many", message: `at most ${connectionsMax} connections are served` })}\n`,
        () => socket.destroy(),
      );
      return;
    }
    const connection = new TcpConnection(socket, handle, limits, signal);
    connections.add(connection);
    sockets.add(socket);
    socket.on("close", () => {
      connections.delete(connection);
      sockets.delete(socket);
    });
  });
  const port = await listenOnLoopback(server, options.port, "--tcp-port");
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of connections) connection.close();
    const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), DRAIN_MS);
    await closed;
    clearTimeout(cut);
  };
  return { port, [Symbol.asyncDispose]: close };
}
