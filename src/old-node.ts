import { DeferredSweepError } from './errors.ts';

/**
 * Why this Node cannot run the package, or undefined if it can. Names that an old Node lacks are taken from default
 * imports everywhere: a missing one would keep the modules from being linked, before any of them could say so.
 */
export function oldNode(): DeferredSweepError | undefined {
  // Since Node 20.16 and 22.3, in which there is all that is used here.
  if (typeof process.getBuiltinModule === 'function') return undefined;
  return new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot run in Node ${process.version}: it is too old; use Node 20.19, 22.13, 24 or later`,
  );
}
