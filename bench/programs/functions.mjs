/** Functions to defer; a module of its own, so that they have exports that can be found. */
import { writeFileSync } from 'node:fs';

export function nothing() {}

/** Says when it began. */
export function noteStart(path) {
  writeFileSync(path, String(Date.now()));
}

const settings = { level: 3, tags: ['a', 'b'], since: new Date(0) };
const format = (path, n) => `${path}:${n}:${settings.level}`;

export function makeClosure(n) {
  return path => format(path, n);
}
