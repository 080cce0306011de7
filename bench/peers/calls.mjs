/** A call as the peers store it: which export of which module, and its arguments. */
import { FUNCTIONS } from '../harness.mjs';

export const CALL = { module: FUNCTIONS, export: 'nothing', args: ['/scratch/job-4711', 42] };

const namespaces = new Map();

/** Calls it. A promise only the first time, as in this package. */
export function call({ module, export: name, args }) {
  const namespace = namespaces.get(module);
  if (namespace) return namespace[name](...args);
  return import(module).then(loaded => {
    namespaces.set(module, loaded);
    return loaded[name](...args);
  });
}
