import types from 'node:util/types';
import { DeferredSweepError, hasCode } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import { fieldsOf } from '../log/validate.ts';
import { shown } from '../printable.ts';
import { snapshot } from '../value/encode.ts';
import { callStored } from './call-function.ts';
import type { AnyFunction, ArgumentsOf, Deferrable, Given } from './call-types.ts';
import { Capture } from './closure/capture.ts';
import { analysisOf, IS_CLASS, IS_GENERATOR, nativeRefusal } from './closure/store-source.ts';
import { toReference } from './closure/variables.ts';
import { type CommandOptions, storeCommand } from './command.ts';
import { type Callable, type FunctionDescriptor, parseDescriptor, type StoredCall } from './descriptor.ts';
import { captureEnvironment } from './environment.ts';
import { type InspectedFunction, inspectFunction } from './inspector/inspector.ts';
import { locateFunction } from './locate.ts';
import { hasSeveralHolders } from './module/find-export.ts';
import { type ModuleLocation, storeLocation } from './module/module-reference.ts';
import { mention, nameOf, refusal, refusing } from './refusal.ts';
import { requireStorable, storableName } from './storable.ts';

/** On the deferred functions of each copy of this package in a program. The number is that of the form of their fields. */
const BRAND = Symbol.for('deferred-sweep.DeferredFunction.1');

/** How much a captured closure may take, in bytes, unless an option says otherwise. */
export const DEFAULT_MAX_CAPTURED_BYTES: number = 1024 * 1024;

/** How a function is captured. */
export interface CaptureOptions {
  /** The most that the source and the captured values of a function stored by source may take. @defaultValue 1048576 */
  readonly maxCapturedBytes?: number | undefined;
  /** Names of environment variables whose values now the function finds in a runner. They are stored in the state file. */
  readonly env?: readonly string[] | undefined;
}

/**
 * A call to be made later, perhaps by another process: captured now, restored when it is invoked. Immutable, and bound
 * to no job; {@link Job.defer} registers it.
 */
export class DeferredFunction implements StoredCall {
  static {
    // As of DeferredSweepError.
    Object.defineProperty(DeferredFunction, 'name', { value: 'DeferredFunction' });
  }

  /** The function's name, for people. */
  readonly name: string;
  readonly descriptor: FunctionDescriptor;
  /**
   * The snapshot of the arguments: what happens to them after registration changes nothing. Empty for a function with
   * captured values, which hold them: what is in both stays one object.
   */
  readonly encodedArguments: Uint8Array;
  /** Captured environment variables; `null` for one that is not set. */
  readonly env: Readonly<Record<string, string | null>>;

  private constructor(
    name: unknown,
    descriptor: FunctionDescriptor,
    encodedArguments: Uint8Array,
    env: Readonly<Record<string, string | null>> = {},
  ) {
    this.env = env;
    this.name = storableName(name);
    requireStorable(descriptor, 'function');
    this.descriptor = descriptor;
    this.encodedArguments = encodedArguments;
  }

  /**
   * Captures a call of any function: an exported one, or one of Node's built-in modules, is stored as the name of its
   * module and its path in it; any other by its source, with the values its variables have now. `docs/functions.md` tells
   * what cannot be stored.
   * @throws DeferredSweepError `DEFERRED_FUNCTION_REFUSED` naming what of the function cannot be stored and what to do
   * instead, `DEFERRED_VALUE_REFUSED` with the path of an argument or captured variable that cannot,
   * `DEFERRED_TOO_LARGE`, `DEFERRED_UNSUPPORTED` where there is no inspector to look into functions
   */
  static create<F extends AnyFunction, const A extends Given>(
    fn: F & Deferrable<F, A>,
    ...args: ArgumentsOf<F, A>
  ): DeferredFunction {
    return DeferredFunction.#capture(fn, args, {});
  }

  /**
   * The same with options.
   * @throws TypeError when `fn` is no function, or `args` no array; otherwise as `create`
   */
  static capture<F extends AnyFunction, const A extends Given>(
    fn: F & Deferrable<F, A>,
    args: Readonly<ArgumentsOf<F, A>>,
    options: CaptureOptions,
  ): DeferredFunction {
    if (!Array.isArray(args)) throw new TypeError(`"args" must be an array, got ${shown(args)}`);
    requireKnown(options, ['maxCapturedBytes', 'env']);
    return DeferredFunction.#capture(fn, args, options);
  }

  static #capture(fn: AnyFunction, args: readonly unknown[], options: CaptureOptions): DeferredFunction {
    if (typeof fn !== 'function') throw new TypeError(`"fn" must be a function, got ${whatItIs(fn)}`);
    const maxCapturedBytes = options.maxCapturedBytes ?? DEFAULT_MAX_CAPTURED_BYTES;
    const { descriptor, encodedArguments } = storeCall(fn, args, maxCapturedBytes);
    // What a tool has put in the place of one of Node's may have no name.
    const name = nameOf(fn) || (descriptor.kind === 'module' ? descriptor.export : '');
    return new DeferredFunction(name, descriptor, encodedArguments, captureEnvironment(options.env ?? []));
  }

  /**
   * Captures a call of an export of a module. Nothing is loaded before it is invoked.
   * @throws TypeError for a module that is not a `file:`, `node:` or `data:` URL or an absolute path
   * @throws DeferredSweepError `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`
   */
  static of(location: ModuleLocation, ...args: unknown[]): DeferredFunction {
    const descriptor = storeLocation(location);
    return new DeferredFunction(descriptor.export, descriptor, snapshot(args, 'args'));
  }

  /**
   * Captures the start of a program, without a shell; any other end than exit code 0 is a failure.
   * @throws TypeError for anything that execve(2) cannot take
   */
  static command(file: string, argv: readonly string[] = [], options: CommandOptions = {}): DeferredFunction {
    const descriptor = storeCommand(file, argv, options);
    return new DeferredFunction([file, ...argv].join(' '), descriptor, snapshot([], 'args'));
  }

  /**
   * The deferred function that `value` is, also one of another copy of this package; undefined for anything else.
   * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` where the other copy has fields of another form
   */
  static from(value: unknown): DeferredFunction | undefined {
    if (typeof value !== 'object' || value === null || types.isProxy(value)) return undefined;
    if (value instanceof DeferredFunction) return value;
    if (!(BRAND in value)) return undefined;
    const { name, descriptor, encodedArguments, env = {} } = value as unknown as Partial<DeferredFunction>;
    const captured = fieldsOf({ env }, 'deferred function').map('env');
    return new DeferredFunction(
      name,
      parseDescriptor(descriptor),
      encodedArguments as Uint8Array,
      captured.entries((fields, variable) => fields.textOrNull(variable)),
    );
  }

  /** Where the function comes from: the URL of its module, or of the file it was written in; `''` for a command. */
  get module(): string {
    const { descriptor } = this;
    if (descriptor.kind === 'module') return descriptor.module;
    return descriptor.kind === 'source' ? (descriptor.url ?? '') : '';
  }

  /**
   * Restores the call and makes it: decodes the arguments, finds the function, awaits it.
   * @throws DeferredSweepError `DEFERRED_FUNCTION_MISSING`, `DEFERRED_COMMAND_FAILED`; what the function throws
   */
  async invoke(): Promise<unknown> {
    return await callStored(this);
  }

  toString(): string {
    return `DeferredFunction(${this.name}, ...)`;
  }
}

Object.defineProperty(DeferredFunction.prototype, BRAND, { value: true });

function whatItIs(value: unknown): string {
  if (types.isPromise(value))
    return 'a promise: you called it; pass the function, and its arguments after it, as in defer(rm, path)';
  return value === null ? 'null' : typeof value;
}

function storeCall(fn: Callable, args: readonly unknown[], maxCapturedBytes: number): StoredCall {
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
  if (located.kind === 'text') return new Capture(fn, located.inspected, args, maxCapturedBytes).describe();
  if (types.isGeneratorFunction(fn)) throw refusal([mention(fn)], ...IS_GENERATOR);
  const text = Function.prototype.toString.call(fn);
  if (text.startsWith('class')) throw refusal([mention(fn)], ...IS_CLASS);
  if (/\b(this|super)\b/.test(text)) refuseSeveralReceivers(fn);
  return { descriptor: toReference(located), encodedArguments: snapshot(args, 'args') };
}

const asked = new WeakSet<Callable>();

/** A reference finds the object that has the function, to be its `this`, by one path. */
function refuseSeveralReceivers(fn: Callable): void {
  if (asked.has(fn)) return;
  const inspected = inspectFunction(fn);
  if (inspected !== undefined && usesReceiver(fn, inspected) && hasSeveralHolders(fn, inspected))
    throw refusal(
      [mention(fn, inspected)],
      'uses `this`, and more than one exported object has it',
      'defer a function that calls it on the right one: () => object.method()',
    );
  asked.add(fn);
}

/** `super.drop()` hands it on. What cannot be read may use it. */
function usesReceiver(fn: Callable, inspected: InspectedFunction): boolean {
  const analysis = analysisOf(fn, inspected);
  return analysis === undefined || analysis.thisUse === 'call' || analysis.bound.includes('super');
}
