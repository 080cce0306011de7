import types from 'node:util/types';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { snapshot } from '../value/encode.ts';
import { storeBySource } from './closure/capture.ts';
import { analysisOf, IS_CLASS, IS_GENERATOR, nativeRefusal } from './closure/store-source.ts';
import { toReference } from './closure/variables.ts';
import type { Callable, StoredCall } from './descriptor.ts';
import { type InspectedFunction, inspectFunction } from './inspector/inspector.ts';
import { locateFunction } from './locate.ts';
import { hasSeveralHolders } from './module/find-export.ts';
import { mention, refusal, refusing } from './refusal.ts';

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
    throw new DeferredSweepError(code, refusing(mention(fn).name) + message, { valuePath, cause });
  }
}

function store(fn: Callable, args: readonly unknown[], maxCapturedBytes: number): StoredCall {
  const located = locateFunction(fn);
  if (located === undefined) throw nativeRefusal([mention(fn)]);
  if (located.kind === 'text') return storeBySource(fn, located.inspected, args, maxCapturedBytes);
  if (types.isGeneratorFunction(fn)) throw refusal([mention(fn)], ...IS_GENERATOR);
  const text = Function.prototype.toString.call(fn);
  if (text.startsWith('class')) throw refusal([mention(fn)], ...IS_CLASS);
  if (/\b(this|super)\b/.test(text)) refuseSeveralReceivers(fn);
  return { descriptor: toReference(located), encodedArguments: snapshot(args, 'args') };
}

/** Asked about already. */
const known = new WeakSet<Callable>();

/** A reference finds the object that has the function, to be its `this`, by one path. */
function refuseSeveralReceivers(fn: Callable): void {
  if (known.has(fn)) return;
  const inspected = inspectFunction(fn);
  if (inspected !== undefined && usesReceiver(fn, inspected) && hasSeveralHolders(fn, inspected))
    throw refusal(
      [mention(fn, inspected)],
      'uses `this`, and more than one exported object has it',
      'defer a function that calls it on the right one: () => object.method()',
    );
  known.add(fn);
}

/** `super.drop()` hands it on. What cannot be read may use it. */
function usesReceiver(fn: Callable, inspected: InspectedFunction): boolean {
  const analysis = analysisOf(fn, inspected);
  return analysis === undefined || analysis.thisUse === 'call' || analysis.bound.includes('super');
}
