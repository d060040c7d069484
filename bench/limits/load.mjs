// The load generator is a process of its own: every connection sends the same bytes again as soon as the whole answer
// is there. All answers have the length of the first, so counting bytes is enough and the generator stays cheaper than
// any server. It takes port, connections, seconds and the file with the request, and prints {rate, p50, p99}: requests
// a second, milliseconds.

import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { percentile } from "../report.mjs";

const QUIET_MS = 300;
const [port, connections, seconds, file] = process.argv.slice(2);
const request = readFileSync(file);
const length = await lengthOfAnswer();
const times = [];
let isOver = false;
const startedMs = performance.now();
const clients = Array.from({ length: Number(connections) }, () => client());
await delay(Number(seconds) * 1_000);
isOver = true;
const rate = times.length / ((performance.now() - startedMs) / 1_000);
for (const socket of clients) socket.destroy();
process.stdout.write(`${JSON.stringify({ rate, p50: percentile(times, 0.5), p99: percentile(times, 0.99) })}\n`);

function client() {
  const socket = open();
  let sentMs = performance.now();
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    if (bytes < length || isOver) return;
    const nowMs = performance.now();
    times.push(nowMs - sentMs);
    bytes = 0;
    sentMs = nowMs;
    socket.write(request);
  });
  socket.write(request);
  return socket;
}

async function lengthOfAnswer() {
  const socket = open();
  let bytes = 0;
  let head = "";
  socket.on("data", (chunk) => {
    head ||= chunk.toString("latin1", 0, 60);
    bytes += chunk.length;
  });
  socket.write(request);
  await delay(QUIET_MS);
  socket.destroy();
  if (bytes < 1_000 || head.includes("error")) throw new Error(`this is not the list: ${head}`);
  return bytes;
}

function open() {
  const socket = createConnection({ port: Number(port), host: "127.0.0.1", noDelay: true });
  socket.on("error", (error) => {
    throw error;
  });
  return socket;
}
