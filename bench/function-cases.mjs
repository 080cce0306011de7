/** Functions to measure; a module of its own, so that they have exports that can be found. */

export function exported(path, options) {
  return [path, options];
}

const settings = { level: 3, tags: ['a', 'b'], since: new Date(0) };
const format = (path, n) => `${path}:${n}:${settings.level}`;

export function makeClosure(n) {
  return path => format(path, n);
}
