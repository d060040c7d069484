// The forge logs one object a line for its operator: static texts, everything that varies in a field, never a token.

export type ForgeEvent =
  | {
      readonly type: "request";
      readonly method: string;
      readonly path: string;
      readonly status: number;
      readonly login: string | null;
      readonly durationMs: number;
      readonly fault: string | null;
    }
  | { readonly type: "request.broken"; readonly method: string; readonly path: string; readonly reason: string }
  | { readonly type: "webhook.delivered"; readonly webhook: number; readonly event: string; readonly status: number }
  | { readonly type: "webhook.failed"; readonly webhook: number; readonly event: string; readonly reason: string }
  | { readonly type: "webhook.dropped"; readonly webhook: number; readonly event: string }
  | { readonly type: "queue.broken"; readonly reason: string }
  | { readonly type: "ci.started"; readonly repo: string; readonly sha: string }
  | {
      readonly type: "ci.ended";
      readonly repo: string;
      readonly sha: string;
      readonly conclusion: string;
      readonly durationMs: number;
    }
  | { readonly type: "ci.broken"; readonly repo: string; readonly sha: string; readonly reason: string };

export type ForgeLog = (event: ForgeEvent) => void;
