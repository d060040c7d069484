// The version of this build. The bundler reads the same file, so package.json stays the only place that says it.

import manifest from "../../../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
