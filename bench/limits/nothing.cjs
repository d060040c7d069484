// No Node process with a channel to its parent can be smaller than this: it says that it is there and stays.

process.send("ready");
setInterval(() => undefined, 1e9);
process.on("disconnect", () => process.exit());
