/** With whose rights this process acts, as far as it may have changed since a job was opened. */
export interface ProcessUser {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Of root only: nobody else can change them. */
  readonly groups: string | undefined;
}

export function currentUser(): ProcessUser {
  const uid = process.geteuid?.();
  return { uid, gid: process.getegid?.(), groups: uid === 0 ? process.getgroups?.().join() : undefined };
}

/** In words, where they differ; undefined where they do not. */
export function changeOfUser(before: ProcessUser): string | undefined {
  const now = currentUser();
  if (before.uid !== now.uid) return `user id ${before.uid}, now ${now.uid}`;
  if (before.gid !== now.gid) return `group id ${before.gid}, now ${now.gid}`;
  return before.groups === now.groups ? undefined : `groups ${before.groups}, now ${now.groups}`;
}
