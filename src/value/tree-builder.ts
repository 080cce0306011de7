import types from 'node:util/types';
import { ERROR_NAMES } from './classes.ts';
import { isSpecial, special } from './codec.ts';
import { MAX_VALUE_BYTES, MAX_VALUE_DEPTH } from './limits.ts';
import { madeAs, viewNameOf } from './made-as.ts';
import { errorNamesOf, namesOf, refuseExtras, refuseUnordinary, requireDense } from './own-properties.ts';
import { isPlainText } from './plain-text.ts';
import { ShownBytes } from './shown-bytes.ts';
import { type Step, ValuePath } from './value-path.ts';

/**
 * Called once for each function met, with the function and its path; returns its stand-in: text, a number, or an array or
 * plain object made for this call. It is walked as part of the same value, so what it holds may be anything a value may
 * be: other functions, objects that occur elsewhere in the value too, the very function it stands for. Paths go on
 * through it: what stands at `captured.socket` of the stand-in of `args[0]` is called `args[0].captured.socket`.
 */
export type EncodeFunction = (fn: (...args: never[]) => unknown, path: string) => unknown;

type Holder = Record<string | number, unknown>;

/** An object that has been met: where its item stands, and its index in the table once it is met a second time. */
interface Meeting {
  readonly holder: Holder;
  readonly key: string | number;
  index: number | undefined;
}

/**
 * Builds the tree of a value, for `encode`.
 *
 * Every object gets an item, and the item its place, before its properties are looked at. So when an object is met
 * again, even inside itself, its item is moved from its place to the table of shared objects, and both places get a
 * reference: its index in the table.
 */
export class TreeBuilder {
  readonly #path: ValuePath;
  readonly #encodeFunction: EncodeFunction | undefined;
  readonly #meetings = new Map<object, Meeting>();
  readonly #table: unknown[] = [];
  readonly #shownBytes = new ShownBytes();
  #bytes = 0;

  constructor(rootName: string, encodeFunction: EncodeFunction | undefined) {
    this.#path = new ValuePath(rootName);
    this.#encodeFunction = encodeFunction;
  }

  /**
   * Returns the tree; to be called once.
   * @throws DeferredSweepError `DEFERRED_VALUE_REFUSED` with `valuePath`; `DEFERRED_TOO_LARGE`.
   */
  build(value: unknown): unknown {
    const top: Holder = {};
    this.#place(top, 'root', value, 0);
    return this.#table.length === 0 ? top.root : special(['shared', top.root, ...this.#table]);
  }

  // `depth` is the number of CBOR levels above the item: a special is two (tag and array), its map of properties a third.

  #place(holder: object, key: string | number, value: unknown, depth: number, step?: Step): void {
    if (step !== undefined) this.#path.enter(step);
    this.#count(1);
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      this.#placeObject(holder as Holder, key, value, depth);
    } else {
      (holder as Holder)[key] = this.#leaf(value);
    }
    if (step !== undefined) this.#path.leave();
  }

  #leaf(value: unknown): unknown {
    switch (typeof value) {
      case 'number':
        return Object.is(value, -0) ? special(['-0']) : value;
      case 'string':
        this.#count(value.length);
        return isPlainText(value) ? value : special(['string', Buffer.from(value, 'utf16le')]);
      case 'bigint': {
        // Hexadecimal takes linear time both ways; decimal does not, nor do CBOR's bignums as cbor-x reads them.
        const digits = value.toString(16);
        this.#count(digits.length);
        return special(['bigint', digits]);
      }
      case 'symbol':
        throw this.#path.refusal(`it is a symbol, ${String(value)}`, 'pass its description as text');
      default:
        return value;
    }
  }

  #placeObject(holder: Holder, key: string | number, value: object, depth: number): void {
    const met = this.#meetings.get(value);
    if (met !== undefined) {
      holder[key] = special(this.#share(met));
      return;
    }
    if (depth > MAX_VALUE_DEPTH) {
      throw this.#path.refusal(`it is nested deeper than ${MAX_VALUE_DEPTH} levels`, 'pass a flatter value');
    }
    this.#meetings.set(value, { holder, key, index: undefined });
    if (types.isProxy(value)) throw this.#path.refusalOf(value);
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === Object.prototype && typeof value === 'object' && madeAs(value) === undefined) {
      const item = {};
      holder[key] = item;
      this.#fillProperties(item, value, namesOf(value, this.#path), depth + 1);
    } else if (prototype === Array.prototype && Array.isArray(value)) {
      this.#placeArray(holder, key, value, depth);
    } else if (viewNameOf(value) === 'Uint8Array') {
      holder[key] = this.#bytesOf(value as Uint8Array);
    } else {
      const form: unknown[] = [];
      holder[key] = special(form);
      this.#fillSpecial(form, value, prototype, depth + 2);
    }
  }

  #share(met: Meeting): number {
    if (met.index === undefined) {
      met.index = this.#table.push(met.holder[met.key]) - 1;
      met.holder[met.key] = special(met.index);
    }
    return met.index;
  }

  #placeArray(holder: Holder, key: string | number, array: unknown[], depth: number): void {
    // Millions of elements are too large already, and listing their keys would take seconds.
    if (array.length > MAX_VALUE_BYTES) throw this.#path.tooLarge();
    requireDense(this.#path, array);
    const item: unknown[] = [];
    holder[key] = item;
    for (let i = 0; i < array.length; i++) {
      refuseUnordinary(this.#path, array, String(i));
      this.#place(item, i, array[i], depth + 1, i);
    }
  }

  /** Fills the array `[kind, ...]` of an object that is not plain. */
  #fillSpecial(form: unknown[], value: object, prototype: object | null, depth: number): void {
    if (typeof value === 'function') {
      if (this.#encodeFunction === undefined) throw this.#path.refusalOf(value);
      form.push('function');
      const standIn = this.#encodeFunction(value as Parameters<EncodeFunction>[0], this.#path.toString());
      this.#place(form, 1, standIn, depth);
      if (isSpecial(form[1])) {
        throw new TypeError(
          'encodeFunction must return plain text, a number, or an array or plain object made for this call',
        );
      }
    } else if (prototype === null && madeAs(value) === undefined && !types.isModuleNamespaceObject(value)) {
      form.push('null-prototype', {});
      this.#fillProperties(form[1] as object, value, namesOf(value, this.#path), depth + 1);
    } else if (prototype === Date.prototype && types.isDate(value)) {
      refuseExtras(this.#path, 'a Date', value);
      form.push('Date', value.getTime());
    } else if (prototype === RegExp.prototype && types.isRegExp(value)) {
      refuseExtras(this.#path, 'a RegExp', value, 'lastIndex');
      if (typeof value.lastIndex !== 'number') {
        throw this.#path.refusal('its lastIndex is no number', 'set it to 0');
      }
      form.push('RegExp', this.#leaf(value.source), value.flags, this.#leaf(value.lastIndex));
    } else if (prototype === Map.prototype && types.isMap(value)) {
      refuseExtras(this.#path, 'a Map', value);
      form.push('Map');
      let position = 0;
      for (const [key, element] of value) {
        this.#place(form, form.length, key, depth, { call: 'keys', index: position++ });
        this.#place(form, form.length, element, depth, { call: 'get', key });
      }
    } else if (prototype === Set.prototype && types.isSet(value)) {
      refuseExtras(this.#path, 'a Set', value);
      form.push('Set');
      let position = 0;
      for (const member of value) {
        this.#place(form, form.length, member, depth, { call: 'values', index: position++ });
      }
    } else if (prototype === ArrayBuffer.prototype && types.isArrayBuffer(value)) {
      refuseExtras(this.#path, 'an ArrayBuffer', value);
      form.push('ArrayBuffer', this.#bytesOf(value));
    } else if (viewNameOf(value) !== undefined) {
      form.push(viewNameOf(value), this.#bytesOf(value as ArrayBufferView));
    } else if (types.isNativeError(value) && ERROR_NAMES.has(prototype!)) {
      const { hidden, shown } = errorNamesOf(value, this.#path);
      form.push('Error', ERROR_NAMES.get(prototype!), {}, {});
      this.#fillProperties(form[2] as object, value, hidden, depth + 1);
      this.#fillProperties(form[3] as object, value, shown, depth + 1);
    } else {
      throw this.#path.refusalOf(value);
    }
  }

  #bytesOf(value: ArrayBufferView | ArrayBuffer): Uint8Array {
    this.#count(value.byteLength);
    return this.#shownBytes.of(value, this.#path);
  }

  #fillProperties(item: object, object: object, names: readonly string[], depth: number): void {
    for (const name of names) {
      this.#count(name.length);
      this.#place(item, name, (object as Record<string, unknown>)[name], depth, name);
    }
  }

  // Counts what the encoding takes at least, so that a value far too large is refused before all of it is copied.
  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > MAX_VALUE_BYTES) throw this.#path.tooLarge();
  }
}
