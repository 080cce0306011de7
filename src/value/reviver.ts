import { isSpecial } from './codec.ts';
import {
  corrupt,
  makeArray,
  makeBigInt,
  makeBuffer,
  makeDate,
  makeError,
  makeRegExp,
  makeString,
  makeView,
} from './makers.ts';

/**
 * Called once for each stored function, with the stand-in that {@link EncodeFunction} gave for it; what it returns takes
 * the function's place everywhere in the value.
 *
 * At the time of the call only the text, numbers and such of the stand-in are there, and plain arrays and objects with
 * these in them. What the stand-in holds beyond that is put into the same arrays and objects by the time `restore`
 * returns. So a function is made first, and gets its captured variables afterwards: keep the stand-in, and read
 * them from it after `restore`, or when the function is first called. This is the only order that works when a
 * function is captured by what it captures.
 */
export type DecodeFunction = (standIn: unknown) => unknown;

/**
 * Turns a decoded tree into the value it stands for, in place where that is the same object.
 *
 * Two steps for every object: it is made, then filled. All objects of the table are made before anything is filled,
 * so a reference finds its object, also one that closes a cycle. Only the nesting recurses, and it is bounded.
 */
export class Reviver {
  readonly #decodeFunction: DecodeFunction | undefined;
  readonly #table: unknown[] = [];
  /** What the objects of the table are made of. */
  #items: readonly unknown[] = [];

  constructor(decodeFunction: DecodeFunction | undefined) {
    this.#decodeFunction = decodeFunction;
  }

  /**
   * Returns the value; to be called once.
   * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` for specials that `snapshot` does not write.
   */
  revive(tree: unknown): unknown {
    if (!isSpecial(tree) || !Array.isArray(tree.value) || tree.value[0] !== 'shared') {
      return this.#revive(tree);
    }
    const [, root, ...items] = tree.value as unknown[];
    this.#items = items;
    for (const [index, item] of items.entries()) {
      if (isSpecial(item) && !Array.isArray(item.value)) {
        throw corrupt('a reference in its table of shared objects');
      }
      this.#table[index] ??= this.#make(item);
    }
    for (const [index, item] of items.entries()) this.#fill(this.#table[index], item);
    return this.#revive(root);
  }

  #revive(item: unknown): unknown {
    if (typeof item !== 'object' || item === null) return item;
    const made = this.#make(item);
    if (!isSpecial(item) || Array.isArray(item.value)) this.#fill(made, item);
    return made;
  }

  /** The object of an item, or the whole value when there is nothing to fill. */
  #make(item: unknown): unknown {
    if (!isSpecial(item)) return item;
    if (typeof item.value === 'number') return this.#shared(item.value);
    if (!Array.isArray(item.value)) throw corrupt('a special is neither an array nor an index');
    const [kind, first, second, third] = item.value as unknown[];
    switch (kind) {
      case '-0':
        return -0;
      case 'string':
        return makeString(first);
      case 'bigint':
        return makeBigInt(first);
      case 'object':
        return {};
      case 'null-prototype':
        return Object.create(null);
      case 'array':
        return makeArray(first, item.value.length);
      case 'Date':
        return makeDate(first);
      case 'RegExp':
        return makeRegExp(this.#revive(first), second, this.#revive(third));
      case 'Map':
        return new Map();
      case 'Set':
        return new Set();
      case 'Error':
        return makeError(first);
      case 'function':
        if (this.#decodeFunction === undefined) throw corrupt('a function where there may be none');
        if (isSpecial(first)) throw corrupt('a function whose stand-in is not plain');
        return this.#decodeFunction(first);
      case 'ArrayBuffer':
        return makeBuffer(first);
      default:
        return makeView(kind, this.#bufferOf(first), second, third);
    }
  }

  /** The buffer of a view: made of its bytes, or the one it shares with others. */
  #bufferOf(item: unknown): unknown {
    if (item instanceof Uint8Array) return makeBuffer(item);
    if (!isSpecial(item)) return undefined;
    const { value } = item;
    const form: unknown = typeof value === 'number' ? this.#items[value] : item;
    // Nothing else: a view could be, in a circle, what it is made of.
    if (!isSpecial(form) || !Array.isArray(form.value) || form.value[0] !== 'ArrayBuffer') return undefined;
    if (typeof value !== 'number') return this.#make(form);
    // The view may stand in the table before its buffer.
    this.#table[value] ??= this.#make(form);
    return this.#table[value];
  }

  #shared(index: number): unknown {
    if (!(index in this.#table))
      throw corrupt(`a reference to ${index}, which its table of shared objects has not`);
    return this.#table[index];
  }

  #fill(made: unknown, item: unknown): void {
    if (!isSpecial(item)) {
      if (Array.isArray(item)) this.#reviveEach(item, 0);
      else if (typeof item === 'object' && item !== null && !(item instanceof Uint8Array)) {
        this.#reviveProperties(item as Record<string, unknown>);
      }
      return;
    }
    const form = item.value as unknown[];
    switch (form[0]) {
      case 'object':
      case 'null-prototype':
        this.#define(made as object, form[1], true);
        break;
      case 'array':
        this.#fillArray(made as unknown[], form);
        break;
      case 'Map':
        if (form.length % 2 === 0) throw corrupt('a Map with a key too many');
        this.#reviveEach(form, 1);
        for (let i = 1; i < form.length; i += 2) (made as Map<unknown, unknown>).set(form[i], form[i + 1]);
        break;
      case 'Set':
        this.#reviveEach(form, 1);
        for (let i = 1; i < form.length; i++) (made as Set<unknown>).add(form[i]);
        break;
      case 'Error':
        this.#define(made as object, form[2], false);
        this.#define(made as object, form[3], true);
        break;
      case 'function':
        this.#fill(form[1], form[1]);
        break;
    }
  }

  #reviveEach(list: unknown[], from: number): void {
    for (let i = from; i < list.length; i++) list[i] = this.#revive(list[i]);
  }

  #reviveProperties(object: Record<string, unknown>): void {
    for (const name of Object.keys(object)) object[name] = this.#revive(object[name]);
  }

  #fillArray(array: unknown[], form: readonly unknown[]): void {
    let next = 0;
    for (let i = 2; i < form.length; i += 2) {
      const index = form[i];
      if (typeof index !== 'number' || !Number.isInteger(index) || index < next || index >= array.length) {
        throw corrupt('an array with indices out of order or out of range');
      }
      if (i + 1 === form.length) throw corrupt('an array with an index too many');
      array[index] = this.#revive(form[i + 1]);
      next = index + 1;
    }
  }

  #define(object: object, properties: unknown, enumerable: boolean): void {
    for (const [name, item] of this.#entries(properties)) {
      if (typeof name !== 'string' || name === '__proto__') {
        throw corrupt('an object with an impossible key');
      }
      // Not an assignment: that could find a setter.
      Object.defineProperty(object, name, {
        value: this.#revive(item),
        enumerable,
        configurable: true,
        writable: true,
      });
    }
  }

  *#entries(properties: unknown): Iterable<[unknown, unknown]> {
    if (Array.isArray(properties)) {
      if (properties.length % 2 !== 0) throw corrupt('an object with a key too many');
      for (let i = 0; i < properties.length; i += 2) yield [this.#revive(properties[i]), properties[i + 1]];
    } else if (
      typeof properties === 'object' &&
      properties !== null &&
      Object.getPrototypeOf(properties) === Object.prototype
    ) {
      yield* Object.entries(properties);
    } else {
      throw corrupt('an object without properties');
    }
  }
}
