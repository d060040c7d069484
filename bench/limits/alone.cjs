// The worker's bundle loads this first where no supervisor of ours starts it. It answers the bundle's hello with the
// start message from a file, and appends one byte to another file when the worker is ready.

const { appendFileSync, readFileSync } = require("node:fs");

const { BENCH_START, BENCH_READY } = process.env;
const sendOn = process.send?.bind(process);
process.send = (message, ...rest) => {
  if (message?.type === "hello") {
    const start = JSON.parse(readFileSync(BENCH_START, "utf8"));
    setImmediate(() => process.emit("message", start));
  } else if (message?.type === "ready") appendFileSync(BENCH_READY, ".");
  else if (message?.type !== "heartbeat") sendOn?.(message, ...rest);
  const done = rest.at(-1);
  if (typeof done === "function") setImmediate(done);
  return true;
};
Object.defineProperty(process, "connected", { value: true });
process.disconnect = () => undefined;
