// The one place that sets up zod: the small build, with English messages (the small build ships without any).

import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";

z.config(en());

export { z };
