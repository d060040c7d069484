export const MAY_IMPORT: Readonly<Record<string, readonly string[]>>;
/** Room, beneath src/ → what it is for; those that may import others stand above them. */
export const ROOMS: Readonly<Record<string, string>>;
export function whyNot(from: string, to: string): string | null;
/** Null outside src/ and for a file in src/ itself. */
export function roomOf(path: string): string | null;
