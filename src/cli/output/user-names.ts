/** Names of users, for tables: an id where the system has no name. */
import { readFileSync } from 'node:fs';
import { unlessRefused } from '../../errors.ts';

let names: ReadonlyMap<number, string> | undefined;

/** From passwd(5): users of a directory service are shown by number. */
export function userName(uid: number): string {
  names ??= read();
  return names.get(uid) ?? String(uid);
}

function read(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const line of unlessRefused(() => readFileSync('/etc/passwd', 'utf8'), '').split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid && !found.has(Number(uid))) found.set(Number(uid), name);
  }
  return found;
}
