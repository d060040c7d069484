// No JSON-lines door can be faster than this: it sends one cached line, from the file in BENCH_BODY, for each line that
// comes.

import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const NEWLINE = 10;
const body = readFileSync(process.env.BENCH_BODY);
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (chunk) => {
    for (const byte of chunk) if (byte === NEWLINE) socket.write(body);
  });
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ msg: "ready", port: server.address().port })}\n`);
});
