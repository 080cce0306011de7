/// <reference types="node" preserve="true" />
/** Whole-file advisory locks on descriptors: the public sub-path `deferred-sweep/lock`. */
import '../refuse-old-node.ts'; // the first

export { DeferredSweepError } from '../errors.ts';
export { type LockOptions, type LockScheme, tryLock, type UnlockOptions, unlock } from './advisory-lock.ts';
