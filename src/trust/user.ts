import { DeferredSweepError } from '../errors.ts';

/** With whose rights this process acts, as far as it may have changed since a job was opened. */
export interface ProcessUser {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Of root only: no other user can change them. */
  readonly groups: string | undefined;
}

export function currentUser(): ProcessUser {
  const uid = process.geteuid?.();
  return { uid, gid: process.getegid?.(), groups: uid === 0 ? process.getgroups?.().join() : undefined };
}

/** What to do instead, by the code of the refusal. */
const INSTEAD = {
  DEFERRED_FUNCTION_REFUSED: 'open a job after that',
  DEFERRED_UNSUPPORTED: 'it stays registered: sweep as the user before',
} as const;

/**
 * Refuses to go on with a job in a process that has changed its user. An orphan runs with the rights of its file's owner, who
 * opened the job: those may be more than were left here. What was registered as one user would have the rights of another, too.
 */
export function refuseChangedUser(
  code: keyof typeof INSTEAD,
  what: string,
  before: ProcessUser,
  path: string,
): void {
  const change = changeOfUser(before);
  if (change === undefined) return;
  const message = `cannot ${what}: this process has changed its user since the job was opened (${change}); ${INSTEAD[code]}`;
  throw new DeferredSweepError(code, message, { path });
}

/** How the user of this process differs from the one before, in words; undefined where it does not. */
export function changeOfUser(before: ProcessUser): string | undefined {
  const now = currentUser();
  if (before.uid !== now.uid) return `user id ${before.uid}, now ${now.uid}`;
  if (before.gid !== now.gid) return `group id ${before.gid}, now ${now.gid}`;
  return before.groups === now.groups ? undefined : `groups ${before.groups}, now ${now.groups}`;
}
