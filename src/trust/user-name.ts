import { readFileSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';

/** `root`, `alice (uid 1000)`; `uid 1000` for a user that is not in `/etc/passwd`. */
export function describeUser(uid: number): string {
  if (uid === 0) return 'root';
  const name = nameIn('/etc/passwd', uid);
  return name === undefined ? `uid ${uid}` : `${name} (uid ${uid})`;
}

const names = new Map<number, string>();

/** For tables: the name, else the number. Read once. */
export function userName(uid: number): string {
  const name = names.get(uid) ?? nameIn('/etc/passwd', uid) ?? String(uid);
  names.set(uid, name);
  return name;
}

/** As {@link describeUser}, by `/etc/group`. */
export function describeGroup(gid: number): string {
  const name = nameIn('/etc/group', gid);
  return name === undefined ? `gid ${gid}` : `${name} (gid ${gid})`;
}

/** Reads passwd(5) or group(5): name, password, number. Other sources of names would need a program. */
function nameIn(path: string, id: number): string | undefined {
  for (const line of unlessRefused(() => readFileSync(path, 'utf8'), '').split('\n')) {
    const [name, , number] = line.split(':');
    if (number === String(id)) return name;
  }
  return undefined;
}
