import { restore } from '../cbor/restore.ts';
import { snapshot } from '../cbor/snapshot.ts';
import { nameBuiltin } from './builtins.ts';
import { type CommandOptions, describeCommand, runCommand } from './command.ts';
import type { FunctionDescriptor } from './descriptor.ts';
import { compileInline, describeInline } from './inline.ts';
import { describeLocation, importFunction, type ModuleLocation } from './module-reference.ts';

/** Any function that can be deferred. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets every parameter list through; Parameters<F> is checked.
export type AnyFunction = (...args: any[]) => unknown;

const descriptors = new WeakMap<AnyFunction, FunctionDescriptor>();

/**
 * A call to be made later, perhaps by another process: captured now, restored when it is invoked. Immutable, and bound
 * to no job; {@link Job.defer} registers it.
 */
export class DeferredFunction {
  /** The function's name, for people. */
  readonly name: string;
  readonly descriptor: FunctionDescriptor;
  /** The snapshot of the arguments: what happens to them after registration changes nothing. */
  readonly encodedArguments: Uint8Array;

  private constructor(name: string, descriptor: FunctionDescriptor, encodedArguments: Uint8Array) {
    this.name = name;
    this.descriptor = descriptor;
    this.encodedArguments = encodedArguments;
  }

  /**
   * Captures a call of a function of Node's built-in modules (stored by name) or of a self-contained function (stored
   * by source: it uses its parameters, globals and `import()` only).
   * @throws DeferredSweepError `DEFERRED_FUNCTION_REFUSED` naming what of the function cannot be stored,
   * `DEFERRED_VALUE_REFUSED` with the path of an argument that cannot, `DEFERRED_TOO_LARGE`
   */
  static create<F extends AnyFunction>(fn: F, ...args: Parameters<F>): DeferredFunction {
    if (typeof fn !== 'function') throw new TypeError(`"fn" must be a function, got ${typeof fn}`);
    const descriptor = descriptorOf(fn);
    return new DeferredFunction(fn.name || '(anonymous)', descriptor, snapshot(args, 'args'));
  }

  /**
   * Captures a call of an export of a module. Nothing is loaded before it is invoked.
   * @throws TypeError for a module that is not a `file:`, `node:` or `data:` URL or an absolute path
   * @throws DeferredSweepError `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`
   */
  static of(location: ModuleLocation, ...args: unknown[]): DeferredFunction {
    const descriptor = describeLocation(location);
    return new DeferredFunction(descriptor.export, descriptor, snapshot(args, 'args'));
  }

  /**
   * Captures the start of a program, without a shell; any other end than exit code 0 is a failure.
   * @throws TypeError for anything that execve(2) cannot take
   */
  static command(file: string, argv: readonly string[] = [], options: CommandOptions = {}): DeferredFunction {
    const descriptor = describeCommand(file, argv, options);
    return new DeferredFunction([file, ...argv].join(' '), descriptor, snapshot([], 'args'));
  }

  /** Rebuilds a deferred function from its record; nothing is decoded or loaded yet. */
  static fromStored(
    name: string,
    descriptor: FunctionDescriptor,
    encodedArguments: Uint8Array,
  ): DeferredFunction {
    return new DeferredFunction(name, descriptor, encodedArguments);
  }

  /** Where the function comes from: a URL or specifier, `''` for a function stored by source and for a command. */
  get module(): string {
    return this.descriptor.kind === 'module' ? this.descriptor.module : '';
  }

  /**
   * Restores the call and makes it: decodes the arguments, finds the function, awaits it.
   * @throws DeferredSweepError `DEFERRED_FUNCTION_MISSING`, `DEFERRED_COMMAND_FAILED`; whatever the function throws
   */
  async invoke(): Promise<unknown> {
    const { descriptor } = this;
    if (descriptor.kind === 'command') return runCommand(descriptor);
    const args = restore(this.encodedArguments) as unknown[];
    if (descriptor.kind === 'source') return compileInline(descriptor)(...args);
    const found = await importFunction(descriptor);
    return Reflect.apply(found.function, found.receiver, args);
  }

  toString(): string {
    return `DeferredFunction(${this.name}, ...)`;
  }
}

function descriptorOf(fn: AnyFunction): FunctionDescriptor {
  let descriptor = descriptors.get(fn);
  if (!descriptor) {
    const builtin = nameBuiltin(fn);
    descriptor = builtin?.kind === 'module' ? builtin : describeInline(fn);
    descriptors.set(fn, descriptor);
  }
  return descriptor;
}
