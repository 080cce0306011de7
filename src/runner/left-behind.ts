/** What functions left in their runner when they settled. Those of other owners would have it, too; in another runner they do not. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync, constants, openSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { DeferredSweepError, isSystemError, systemErrorCode } from '../errors.ts';

/** Nothing tells when it has ended: it is looked at so often. */
const LOOK_MS = 5;
/** Many a client leaves its connection open. That does nothing by itself. */
const IDLE = /(Socket|Server)Wrap$|^(TLS|Pipe|TTY|UDP)Wrap$/i;

/** So many descriptors may functions leave open: the next ones need some, under a low `ulimit -n` too. */
const MOST_OPEN = 32;
/** V8's limit is of both generations. What is kept gets into the old one; the young one has up to 3 * 64 MiB (Node 24). */
const MOST_YOUNG_BYTES = 192 * 1024 * 1024;

/** File operations, timers, children that they did not wait for. In the owner those go on. So they have some time here, too. */
export class LeftBehind {
  /** What the owner's loaders keep. */
  readonly #atStart = countActive();
  readonly #freeAtStart = lowestFree();

  /** True if something is left that keeps the event loop alive. */
  get isThere(): boolean {
    return this.#kinds().length > 0;
  }

  /** True where functions left many descriptors open. Asked while no number below was just freed: a file of ours is open. */
  get keepsOpen(): boolean {
    return lowestFree() - this.#freeAtStart > MOST_OPEN;
  }

  /** True where what is kept fills half of its generation. A function of another owner could die of that. */
  get fillsHeap(): boolean {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return used > Math.max((limit - MOST_YOUNG_BYTES) / 2, limit / 8);
  }

  /** Resolves when nothing is under way any more, or after this time. */
  async waitFor(graceMs: number): Promise<void> {
    const endMs = performance.now() + graceMs;
    while (this.#kinds().some(kind => !IDLE.test(kind)) && performance.now() < endMs) await sleep(LOOK_MS);
  }

  #kinds(): string[] {
    return [...countActive()]
      .filter(([kind, count]) => count > (this.#atStart.get(kind) ?? 0))
      .map(([kind]) => kind);
  }
}

/** The number that open(2) gives out next. */
function lowestFree(): number {
  try {
    const fd = openSync('/', constants.O_RDONLY);
    closeSync(fd);
    return fd;
  } catch (error) {
    // Under Node's permission model nothing is known.
    return isSystemError(error, 'EMFILE') ? Number.POSITIVE_INFINITY : 0;
  }
}

function countActive(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

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

/** What they did to the language itself, of which the runner's own code is made. */
export class Language {
  readonly #namesAtStart = countNames();
  /** Methods at the start. Flat: all are compared after each function. Of heirs: V8 finds what is inherited twice as fast. */
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

  /** True where a function replaced a method, or gave all objects a property. The runner would misread records and results. */
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
