/**
 * What functions do to the language itself. The runner's own code and the functions of other owners would have it, too; in
 * another runner they do not.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { DeferredSweepError, systemErrorCode } from '../errors.ts';

/** The globals of which the runner's own code is made, by name. */
const GLOBALS = [
  'Object',
  'Function',
  'Array',
  'String',
  'RegExp',
  'Date',
  'Promise',
  'Map',
  'Set',
  'WeakMap',
  'WeakSet',
  'Reflect',
  'JSON',
  'Uint8Array',
  'Buffer',
] as const;

export class Language {
  readonly #namesAtStart = countNames();
  /**
   * Methods as they were at the start: of what `#heirs[i]` inherits from, by `#names[i]`. Flat, as they are compared after each
   * function; of heirs, since V8 finds what is inherited in half of the time.
   */
  readonly #heirs: object[] = [];
  readonly #names: PropertyKey[] = [];
  readonly #methods: unknown[] = [];
  #isExposed = false;

  constructor() {
    const globals = Object.create(globalThis);
    for (const name of GLOBALS) {
      this.#note(globals, name);
      const { prototype } = globalThis[name] as { prototype?: object };
      for (const owner of [globalThis[name], prototype]) if (owner) this.#noteAll(owner);
    }
    for (const iterable of [[], new Map(), new Set(), ''])
      this.#noteAll(Reflect.getPrototypeOf(iterable[Symbol.iterator]())!);
    this.#noteAll(AsyncLocalStorage.prototype);
  }

  /** A function is about to run. */
  expose(): void {
    this.#isExposed = true;
  }

  /**
   * True where a function put another in the place of a method: the runner would take for done what did not run, say. And
   * where it gave every object another property, as a careless merge does: records seem to have it.
   */
  get isChanged(): boolean {
    if (countNames() !== this.#namesAtStart) return true;
    // By index: an iterator may be what was changed.
    for (let index = 0; index < this.#heirs.length; index++) {
      const heir = this.#heirs[index] as Record<PropertyKey, unknown>;
      if (heir[this.#names[index]!] !== this.#methods[index]) return true;
    }
    return false;
  }

  /** True for an error that neither the system nor this package reports, once a function has run: that may be the cause. */
  isBlamedFor(error: unknown): boolean {
    return this.#isExposed && !(error instanceof DeferredSweepError) && systemErrorCode(error) === undefined;
  }

  /** Also what it inherits: a method of its own would hide that. What all objects and functions inherit is noted once. */
  #noteAll(owner: object): void {
    const heir = Object.create(owner);
    let from: object | null = owner;
    do {
      for (const name of Reflect.ownKeys(from)) {
        const { value } = Reflect.getOwnPropertyDescriptor(from, name)!;
        if (typeof value === 'function') this.#note(heir, name);
      }
      from = Reflect.getPrototypeOf(from);
    } while (from && from !== Object.prototype && from !== Function.prototype);
  }

  #note(heir: object, name: PropertyKey): void {
    this.#heirs.push(heir);
    this.#names.push(name);
    this.#methods.push(Reflect.get(heir, name));
  }
}

function countNames(): number {
  return Reflect.ownKeys(Object.prototype).length;
}
