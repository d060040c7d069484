// No HTTP door can be faster than this: node:http sends the same bytes for every request, from the file in BENCH_BODY
// if there is one.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const body = process.env.BENCH_BODY === undefined ? Buffer.from("ok") : readFileSync(process.env.BENCH_BODY);
const headers = { "content-type": "application/json", "content-length": body.length };
const server = createServer((_request, response) => response.writeHead(200, headers).end(body));
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ msg: "ready", port: server.address().port })}\n`);
});
