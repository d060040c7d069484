// `git http-backend` behind a loopback socket, with a Basic credential to be checked: enough of a forge for git itself.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export class GitServer implements AsyncDisposable {
  readonly url: string;
  /** Method, path and whether a credential came, in order. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** Sends every request there, when set. */
  redirectTo: string | undefined;
  bytesSent = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(projectRoot: string, token: string): Promise<GitServer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const started = new GitServer(server);
    const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const { authorization } = request.headers;
      started.requests.push({ path: request.url ?? "", authorization });
      if (started.redirectTo !== undefined)
        response.writeHead(302, { location: `${started.redirectTo}${request.url}` }).end();
      else if (authorization !== expected) response.writeHead(401, { "www-authenticate": "Basic realm=git" }).end("no");
      else serve(projectRoot, request, response, (bytes) => (started.bytesSent += bytes));
    });
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function serve(
  projectRoot: string,
  request: IncomingMessage,
  response: ServerResponse,
  count: (bytes: number) => void,
): void {
  const url = new URL(request.url ?? "", "http://localhost");
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: projectRoot,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.receivepack",
      GIT_CONFIG_VALUE_0: "true",
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: request.headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.on("close", () => {
    const answer = Buffer.concat(chunks);
    count(answer.length);
    const end = answer.indexOf("\r\n\r\n");
    const headers = answer
      .subarray(0, end)
      .toString()
      .split("\r\n")
      .map((line) => line.split(": ") as [string, string]);
    const status = Number(headers.find(([name]) => name === "Status")?.[1].slice(0, 3) ?? 200);
    for (const [name, value] of headers) if (name !== "Status") response.setHeader(name, value);
    response.writeHead(status).end(answer.subarray(end + 4));
  });
}
