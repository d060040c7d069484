// Reads a file of settings as a layer; config-layers.ts says what is wrong in it.

import { readTextIfExists } from "../files/durable-file.ts";
import { parseJsonObject } from "../files/json-lines.ts";
import type { ConfigLayer } from "./config-layers.ts";

const FILE_BYTES_MAX = 1_048_576;

export type LayerFile = Pick<ConfigLayer, "source" | "values">;

/** Returns null where there is no file, and null values for one that is no JSON object. Rejects if it is unreadable. */
export async function readLayer(path: string): Promise<LayerFile | null> {
  const text = await readTextIfExists(path, FILE_BYTES_MAX);
  return text === undefined ? null : { source: path, values: parseJsonObject(text) ?? null };
}
