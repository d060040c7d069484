// Handles names of files as git has them: bytes that need not be UTF-8. A byte path is a string with one character per
// byte (latin1), as git.ts takes and gives them; only what people read is decoded.

const PRINTABLE = /^[^\p{Cc}\p{Zl}\p{Zp}"\\]+$/u;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Makes a path for the file system. `directory` is text of ours. */
export function fileAt(directory: string, bytePath: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(bytePath, "latin1")]);
}

/** Makes a path for people: unchanged where it can be read, else quoted as git does it (`"caf\351.txt"`). */
export function readablePath(bytePath: string): string {
  try {
    const text = decoder.decode(Buffer.from(bytePath, "latin1"));
    if (PRINTABLE.test(text)) return text;
  } catch {
    // The name is not UTF-8, so it is quoted below.
  }
  const quoted = bytePath.replace(/["\\]|[^ -~]/g, (byte) =>
    byte === '"' || byte === "\\" ? `\\${byte}` : `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return `"${quoted}"`;
}

/** Splits an output in which git ended each field with NUL. */
export function fieldsOf(output: string): string[] {
  return output.split("\0").filter((field) => field !== "");
}
