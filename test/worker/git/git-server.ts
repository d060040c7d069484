// Serves `git http-backend` behind a loopback socket and checks a Basic credential: enough of a forge for git itself.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export class GitServer implements AsyncDisposable {
  readonly url: string;
  /** Method, path and whether a credential came, in the order of the requests. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** Every request is sent there when this is set. */
  redirectTo: string | undefined;
  bytesSent = 0;
  /** The server has these files for Git LFS, by the hash of their content; undefined where it offers none. */
  largeFiles: Map<string, Buffer> | undefined;
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
      else if (started.largeFiles !== undefined && request.url?.includes("/info/lfs/"))
        void serveLargeFile(started.url, started.largeFiles, request, response);
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

/** Answers the batch API with basic transfers (git-lfs, docs/api/batch.md), one object a request. */
async function serveLargeFile(
  url: string,
  files: Map<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const oid = /\/objects\/([0-9a-f]{64})$/.exec(request.url ?? "")?.[1];
  if (oid !== undefined && request.method === "PUT") files.set(oid, body);
  if (oid !== undefined) return void response.end(request.method === "GET" ? files.get(oid) : "");
  const { operation, objects } = JSON.parse(body.toString()) as {
    operation: "download" | "upload";
    objects: { oid: string; size: number }[];
  };
  const { authorization } = request.headers;
  const answers = objects.map((object) => {
    const href = `${url}/acme/web.git/info/lfs/objects/${object.oid}`;
    if (files.has(object.oid) === (operation === "upload")) {
      return operation === "upload" ? object : { ...object, error: { code: 404, message: "Object does not exist" } };
    }
    return { ...object, authenticated: true, actions: { [operation]: { href, header: { authorization } } } };
  });
  response.setHeader("content-type", "application/vnd.git-lfs+json");
  response.end(JSON.stringify({ transfer: "basic", objects: answers }));
}
