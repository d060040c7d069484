// The option that all service commands share.

import type { ServiceScope } from "./service-layout.ts";

export const userOption = {
  describe: "the service of this user, not of the machine",
  type: "boolean",
  default: false,
} as const;

export const dryRunOption = { describe: "say what would be done", type: "boolean", default: false } as const;

export function scopeOf({ user }: { readonly user: boolean }): ServiceScope {
  return user ? "user" : "system";
}
