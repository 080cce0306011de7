import types from 'node:util/types';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { snapshot } from '../value/encode.ts';
import { storeBySource } from './closure/capture.ts';
import { nativeRefusal } from './closure/capture-refusals.ts';
import { classRefusal, generatorRefusal } from './closure/store-source.ts';
import { toReference } from './closure/variables.ts';
import type { Callable, StoredCall } from './descriptor.ts';
import { locateFunction } from './locate.ts';
import { mention, refusing } from './refusal.ts';

/**
 * How a call of a function of this program is stored: the function by the name of its module and export where it has one,
 * else by its source, with the values it captured and the arguments as one value.
 *
 * @param maxCapturedBytes the most its source and the values it captured may take together
 * @throws `DEFERRED_FUNCTION_REFUSED`, `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`, `DEFERRED_UNSUPPORTED`
 */
export function storeCall(fn: Callable, args: readonly unknown[], maxCapturedBytes: number): StoredCall {
  try {
    return store(fn, args, maxCapturedBytes);
  } catch (error) {
    const isRefused = hasCode(error, 'DEFERRED_VALUE_REFUSED', 'DEFERRED_TOO_LARGE');
    if (!isRefused || !/^args\b/.test(error.valuePath ?? '')) throw error;
    // What refuses a value does not know whose argument it is.
    const { code, message, valuePath = 'args', cause } = error;
    const details = { valuePath, ...(cause === undefined ? {} : { cause }) };
    throw new DeferredSweepError(code, refusing(mention(fn).name) + message, details);
  }
}

function store(fn: Callable, args: readonly unknown[], maxCapturedBytes: number): StoredCall {
  const located = locateFunction(fn);
  if (located === undefined) throw nativeRefusal([mention(fn)]);
  if (located.kind === 'text') return storeBySource(fn, located.inspected, args, maxCapturedBytes);
  if (types.isGeneratorFunction(fn)) throw generatorRefusal([mention(fn)]);
  if (Function.prototype.toString.call(fn).startsWith('class')) throw classRefusal([mention(fn)]);
  return { descriptor: toReference(located), encodedArguments: snapshot(args, 'args') };
}
