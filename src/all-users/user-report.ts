/** What a user's sweep says of itself. The user's code may have written it: nothing of it is taken but this. */

/** Numbers of the user's sweep, as the user's own process reports them. */
export interface UserSweep {
  readonly ok: number;
  readonly failed: number;
  readonly pending: number;
  readonly live: number;
  readonly held: number;
  readonly sweeping: number;
  readonly files: number;
  readonly isComplete: boolean;
}

/** The longest line that is read. An honest one has a few hundred bytes, however many files there were. */
export const MAX_REPORT_BYTES: number = 1024 * 1024;

/** The report in one line of JSON, and at most a line end; undefined for anything else. */
export function parseUserSweep(text: string): UserSweep | undefined {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof tree !== 'object' || tree === null) return undefined;
  const { ok, failed, pending, live, held, sweeping, files, isComplete } = tree as Record<string, unknown>;
  if (!isCount(files) || typeof isComplete !== 'boolean') return undefined;
  if (!isCount(ok) || !isCount(failed) || !isCount(pending)) return undefined;
  if (!isCount(live) || !isCount(held) || !isCount(sweeping)) return undefined;
  return { ok, failed, pending, live, held, sweeping, files, isComplete };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
