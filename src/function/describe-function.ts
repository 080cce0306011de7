import { types } from 'node:util';
import { snapshot } from '../cbor/snapshot.ts';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { nameBuiltin } from './builtins.ts';
import { captureFunction } from './capture.ts';
import { nativeRefusal } from './capture-refusals.ts';
import { classRefusal, generatorRefusal } from './describe-text.ts';
import type { ModuleDescriptor, SourceDescriptor } from './descriptor.ts';
import { type LocatedText, locateFunction } from './locate.ts';
import { mention } from './refusal.ts';
import { toReference } from './variables.ts';

type Callable = (...args: never[]) => unknown;

/** Exported functions seen before: registering one again costs no more than naming it would. */
const exported = new WeakMap<Callable, ModuleDescriptor>();

/** A call as it is stored. */
export interface DescribedCall {
  readonly descriptor: ModuleDescriptor | SourceDescriptor;
  readonly encodedArguments: Uint8Array;
}

/**
 * How a call of a function of this program is stored: the function by the name of its module and export where it has one,
 * else by its source, with the values it captured and the arguments as one value.
 *
 * @param maxCapturedBytes the most its source and the values it captured may take together
 * @throws `DEFERRED_FUNCTION_REFUSED`, `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`, `DEFERRED_UNSUPPORTED`
 */
export function describeCall(
  fn: Callable,
  args: readonly unknown[],
  maxCapturedBytes: number,
): DescribedCall {
  try {
    return describe(fn, args, maxCapturedBytes);
  } catch (error) {
    const isRefused = hasCode(error, 'DEFERRED_VALUE_REFUSED', 'DEFERRED_TOO_LARGE');
    if (!isRefused || !/^args\b/.test(error.valuePath ?? '')) throw error;
    // What refuses a value does not know whose argument it is.
    const { code, message, valuePath, cause } = error;
    throw new DeferredSweepError(code, `cannot defer the function ${mention(fn).name}: ${message}`, {
      ...(valuePath === undefined ? {} : { valuePath }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

function describe(fn: Callable, args: readonly unknown[], maxCapturedBytes: number): DescribedCall {
  const descriptor = exported.get(fn) ?? describeReference(fn);
  if ('inspected' in descriptor) return captureFunction(fn, descriptor.inspected, args, maxCapturedBytes);
  return { descriptor, encodedArguments: snapshot(args, 'args') };
}

function describeReference(fn: Callable): ModuleDescriptor | SourceDescriptor | LocatedText {
  const located = locateFunction(fn);
  if (located === undefined) throw nativeRefusal([mention(fn)]);
  if (located.kind === 'text') return located;
  if (types.isGeneratorFunction(fn)) throw generatorRefusal([mention(fn)]);
  if (isClass(fn)) throw classRefusal([mention(fn)]);
  if (located.kind === 'global') return toReference(located) as SourceDescriptor;
  if (!located.module.startsWith('node:') || nameBuiltin(fn) !== undefined) exported.set(fn, located);
  return located;
}

function isClass(fn: Callable): boolean {
  return Function.prototype.toString.call(fn).startsWith('class');
}
