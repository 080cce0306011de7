import { isSpecial } from './codec.ts';
import { corrupt, makeRegExp, makeSpecial } from './makers.ts';

/**
 * Called once for each stored function, with the stand-in that {@link EncodeFunction} gave for it; what it returns takes
 * the function's place everywhere in the value. Only plain parts of the stand-in are there then. The rest is put into the
 * same arrays and objects by the time `restore` returns: a function may be captured by what it captures. So keep the stand-in,
 * and read captured variables from it only then.
 */
export type DecodeFunction = (standIn: unknown) => unknown;

/**
 * Turns a decoded tree into the value it stands for, in place where that is the same object. All objects of the table are
 * made before any is filled, so that a reference finds its object, also in a cycle. Only the nesting recurses: bounded.
 */
export class Reviver {
  readonly #decodeFunction: DecodeFunction | undefined;
  readonly #table: unknown[] = [];

  constructor(decodeFunction: DecodeFunction | undefined) {
    this.#decodeFunction = decodeFunction;
  }

  /** To be called once. @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` for specials that `snapshot` does not write */
  revive(tree: unknown): unknown {
    if (!isSpecial(tree) || !Array.isArray(tree.value) || tree.value[0] !== 'shared')
      return this.#revive(tree);
    const [, root, ...items] = tree.value as unknown[];
    for (const item of items) {
      if (isSpecial(item) && !Array.isArray(item.value))
        throw corrupt('a reference in its table of shared objects');
      this.#table.push(this.#make(item));
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
      case 'function':
        if (this.#decodeFunction === undefined) throw corrupt('a function where there may be none');
        if (isSpecial(first)) throw corrupt('a function whose stand-in is not plain');
        return this.#decodeFunction(first);
      case 'RegExp':
        return makeRegExp(this.#revive(first), second, this.#revive(third));
      default:
        return makeSpecial(kind, first);
    }
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
      case 'null-prototype':
        this.#define(made as object, form[1], true);
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

  #define(object: object, properties: unknown, enumerable: boolean): void {
    if (typeof properties !== 'object' || Object.getPrototypeOf(properties ?? []) !== Object.prototype)
      throw corrupt('an object without properties');
    for (const [name, item] of Object.entries(properties as object)) {
      // Not an assignment: that could find a setter.
      Object.defineProperty(object, name, {
        value: this.#revive(item),
        enumerable,
        configurable: true,
        writable: true,
      });
    }
  }
}
