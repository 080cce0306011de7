import { DeferredSweepError, type DeferredSweepErrorCode } from '../errors.ts';

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

/**
 * Refuses to defer in a process that has changed its user: an orphan runs with the rights of its file's owner, who opened
 * the job. Those may be more than were left here.
 * @param before - the user when the job of the state file at `path` was opened
 * @throws DeferredSweepError `DEFERRED_FUNCTION_REFUSED`
 */
export function refuseChangedUser(before: ProcessUser, name: string, path: string): void {
  refuse('DEFERRED_FUNCTION_REFUSED', `defer ${name}`, 'open a job after that', before, path);
}

/**
 * Refuses to go on with a job in a process that has changed its user: what it registered as one user would have the rights
 * of another, and so would what is written.
 * @param before - as in {@link refuseChangedUser}
 * @throws DeferredSweepError `DEFERRED_UNSUPPORTED`
 */
export function refuseToActAsAnother(before: ProcessUser, what: string, path: string): void {
  refuse('DEFERRED_UNSUPPORTED', what, 'it stays registered: sweep as the user before', before, path);
}

function refuse(
  code: DeferredSweepErrorCode,
  what: string,
  instead: string,
  before: ProcessUser,
  path: string,
): void {
  const change = changeOfUser(before);
  if (change === undefined) return;
  const message = `cannot ${what}: this process has changed its user since the job was opened (${change}); ${instead}`;
  throw new DeferredSweepError(code, message, { path });
}

/** How the user of this process differs from the one before, in words; undefined where it does not. */
export function changeOfUser(before: ProcessUser): string | undefined {
  const now = currentUser();
  if (before.uid !== now.uid) return `user id ${before.uid}, now ${now.uid}`;
  if (before.gid !== now.gid) return `group id ${before.gid}, now ${now.gid}`;
  return before.groups === now.groups ? undefined : `groups ${before.groups}, now ${now.groups}`;
}
