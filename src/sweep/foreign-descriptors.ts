/**
 * Descriptors that this process inherited and would pass on, such as a shell's lock file. A function must not get them.
 * Node closes its own at exec(2), and inherited ones only up to the first gap in their numbers.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';

/** O_CLOEXEC on Linux, as /proc shows it: proc_pid_fdinfo(5). */
const CLOSE_ON_EXEC = 0o2000000;
/** Every number below costs one open(2) in the new process. */
const HIGHEST = 1023;

/** The entries of spawn's `stdio` behind descriptor `last`: /dev/null replaces each that would be passed on. */
export function foreignDescriptors(last: number): 'ignore'[] {
  const names = unlessRefused(() => readdirSync('/proc/self/fd'), []);
  const passedOn = names.map(Number).filter(fd => fd > last && fd <= HIGHEST && isPassedOn(fd));
  return Array.from({ length: Math.max(0, Math.max(last, ...passedOn) - last) }, () => 'ignore');
}

function isPassedOn(fd: number): boolean {
  const text = unlessRefused(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), '');
  const [, octal] = /^flags:\s*([0-7]+)$/m.exec(text) ?? [];
  return octal !== undefined && (Number.parseInt(octal, 8) & CLOSE_ON_EXEC) === 0;
}
