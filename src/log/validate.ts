import { DeferredSweepError, hasCode } from '../errors.ts';

/** A strict reader of a decoded, untrusted map. @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` when it is none */
export function fieldsOf(tree: unknown, what: string): Fields {
  if (tree === null || typeof tree !== 'object' || Array.isArray(tree) || tree instanceof Uint8Array) {
    throw corrupt(what, 'a map', tree);
  }
  return new Fields(tree as Record<string, unknown>, what);
}

/** What `read` makes of a map in JSON. Undefined for text that is no JSON, and for what `read` finds no such map. */
export function readJson<T>(text: string, read: (fields: Fields) => T): T | undefined {
  try {
    return read(fieldsOf(JSON.parse(text), 'JSON'));
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, 'DEFERRED_STATE_CORRUPT')) return undefined;
    throw error;
  }
}

/** Each method returns the field of that name and shape, or throws `DEFERRED_STATE_CORRUPT` naming it. */
export class Fields {
  readonly #tree: Record<string, unknown>;
  readonly #what: string;

  constructor(tree: Record<string, unknown>, what: string) {
    this.#tree = tree;
    this.#what = what;
  }

  has(name: string): boolean {
    return this.any(name) !== undefined;
  }

  /** Of the map itself: a program may have given every object a property, a careless merge does. */
  any(name: string): unknown {
    return Object.hasOwn(this.#tree, name) ? this.#tree[name] : undefined;
  }

  text(name: string): string {
    return this.#expect(name, 'a text', isText);
  }

  textOrNull(name: string): string | null {
    return this.any(name) === null ? null : this.text(name);
  }

  texts(name: string): string[] {
    return this.#listOf(name, 'texts', isText);
  }

  numbers(name: string): number[] {
    return this.#listOf(name, 'numbers', Number.isSafeInteger as (value: unknown) => value is number);
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  array(name: string): readonly unknown[] {
    return this.#expect(name, 'an array', (value): value is unknown[] => Array.isArray(value));
  }

  /** The map under this name, whose fields are read in turn. */
  map(name: string): Fields {
    return fieldsOf(this.any(name), `${this.#what}.${name}`);
  }

  /** Every field, as an object without prototype: one named `__proto__` is a field like any other. */
  entries<T>(read: (fields: Fields, name: string) => T): Readonly<Record<string, T>> {
    const entries: Record<string, T> = Object.create(null);
    for (const name of Object.keys(this.#tree)) entries[name] = read(this, name);
    return entries;
  }

  boolean(name: string): boolean {
    return this.#expect(name, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  /** A finite number of at least 0. */
  number(name: string): number {
    return this.#expect(
      name,
      'a number of at least 0',
      (value): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0,
    );
  }

  numberOrNull(name: string): number | null {
    return this.any(name) === null ? null : this.number(name);
  }

  /** A whole number of at least 0. */
  index(name: string): number {
    return this.#wholeNumber(name, 0);
  }

  /** `undefined` where the field is missing; `max` for more than that. */
  optionalIndex(name: string, max: number): number | undefined {
    return this.has(name) ? Math.min(this.index(name), max) : undefined;
  }

  /** A whole number of at least 1. */
  count(name: string): number {
    return this.#wholeNumber(name, 1);
  }

  bytes(name: string): Uint8Array {
    return this.#expect(name, 'bytes', (value): value is Uint8Array => value instanceof Uint8Array);
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.any(name);
    for (const one of allowed) if (one === value) return one;
    throw this.#refusal(name, allowed.join(' or '), value);
  }

  someOf<T extends string>(name: string, allowed: readonly T[]): T[] {
    return this.#listOf(name, allowed.join(' or '), (item): item is T => allowed.includes(item as T));
  }

  /** The error that says what is wrong with the map as a whole. */
  corrupt(why: string): DeferredSweepError {
    return new DeferredSweepError('DEFERRED_STATE_CORRUPT', `cannot read ${this.#what}: it ${why}`);
  }

  #wholeNumber(name: string, least: number): number {
    const value = this.any(name);
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    throw this.#refusal(name, `a whole number of at least ${least}`, value);
  }

  #listOf<T>(name: string, items: string, fits: (item: unknown) => item is T): T[] {
    const areAll = (value: unknown): value is T[] => Array.isArray(value) && value.every(fits);
    return this.#expect(name, `an array of ${items}`, areAll);
  }

  #expect<T>(name: string, expected: string, fits: (value: unknown) => value is T): T {
    const value = this.any(name);
    if (fits(value)) return value;
    throw this.#refusal(name, expected, value);
  }

  #refusal(name: string, expected: string, found: unknown): DeferredSweepError {
    return corrupt(`${this.#what}.${name}`, expected, found);
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function corrupt(where: string, expected: string, found: unknown): DeferredSweepError {
  const what =
    found === null ? 'null' : Array.isArray(found) ? 'an array' : `a value of type ${typeof found}`;
  return new DeferredSweepError(
    'DEFERRED_STATE_CORRUPT',
    `cannot read ${where}: expected ${expected}, found ${what}`,
  );
}
