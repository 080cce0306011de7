import types from 'node:util/types';

import { MAX_VALUE_BYTES, MAX_VALUE_DEPTH } from './limits.ts';
import { madeAs } from './made-as.ts';
import { hasExtraProperties, isDense } from './own-properties.ts';

/**
 * Whether `value` can be encoded as it stands, plain CBOR without a special in it: undefined, null, booleans, numbers
 * but -0, plain text, Uint8Array, and arrays and plain objects of these in which no object occurs twice.
 *
 * This is the way nearly every value takes, so it looks but does not copy; and it only says no, `TreeBuilder` finds out
 * what to do about it. Proxies and accessors being refused, no code of the value runs here, and cbor-x afterwards
 * sees what was seen here.
 */
export function isPlain(value: unknown): boolean {
  return new PlainCheck().isPlain(value, 0);
}

class PlainCheck {
  readonly #met = new Set<object>();
  #bytes = 0;

  isPlain(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'object':
        return value === null || this.#isPlainObject(value, depth);
      case 'string':
        this.#bytes += value.length;
        return this.#bytes <= MAX_VALUE_BYTES && isPlainText(value);
      case 'number':
        return value !== 0 || !Object.is(value, -0);
      case 'boolean':
      case 'undefined':
        return true;
      default:
        return false;
    }
  }

  #isPlainObject(value: object, depth: number): boolean {
    if (types.isProxy(value) || this.#isMetAgain(value) || depth > MAX_VALUE_DEPTH) return false;
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype && madeAs(value) === undefined)
      return this.#arePropertiesPlain(value as Record<string, unknown>, depth);
    if (prototype === Array.prototype && Array.isArray(value)) return this.#areElementsPlain(value, depth);
    if (prototype === Uint8Array.prototype && types.isUint8Array(value)) {
      this.#bytes += value.byteLength;
      return (
        this.#bytes <= MAX_VALUE_BYTES &&
        isPlainBuffer(value) &&
        !this.#isMetAgain(value.buffer) &&
        !hasExtraProperties(value)
      );
    }
    return false;
  }

  #isMetAgain(value: object): boolean {
    if (this.#met.has(value)) return true;
    this.#met.add(value);
    return false;
  }

  #arePropertiesPlain(object: Record<string, unknown>, depth: number): boolean {
    // Faster than Reflect.ownKeys, which is not helped by V8's cache of enumerable keys.
    if (Object.getOwnPropertySymbols(object).length > 0) return false;
    for (const key of Object.getOwnPropertyNames(object)) {
      if (key === '__proto__' || !isPlainText(key)) return false;
      const property = Object.getOwnPropertyDescriptor(object, key)!;
      if (!property.enumerable || !('value' in property)) return false;
      this.#bytes += key.length;
      if (!this.isPlain(property.value, depth + 1)) return false;
    }
    return true;
  }

  #areElementsPlain(array: unknown[], depth: number): boolean {
    const { length } = array;
    this.#bytes += length;
    if (this.#bytes > MAX_VALUE_BYTES || !isDense(array)) return false;
    for (let i = 0; i < length; i++) {
      const element = Object.getOwnPropertyDescriptor(array, i)!;
      if (!element.enumerable || !('value' in element) || !this.isPlain(element.value, depth + 1))
        return false;
    }
    return true;
  }
}

/** Whether a view is all there is of its bytes, and they stay as many. */
function isPlainBuffer({ buffer, byteLength }: Uint8Array): boolean {
  return (
    byteLength === buffer.byteLength &&
    byteLength > 0 &&
    !types.isSharedArrayBuffer(buffer) &&
    (buffer as { resizable?: boolean }).resizable !== true
  );
}

/**
 * Whether text comes back from CBOR as it was: without lone surrogates, for which there is no UTF-8, and without a
 * byte order mark in front, which the decoder takes off text longer than 64 bytes.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && text.charCodeAt(0) !== BYTE_ORDER_MARK;
}

const BYTE_ORDER_MARK = 0xfeff;

/** The empty item for properties: a map, or a flat array of names and values when a name cannot be a key. */
export function emptyProperties(names: string[]): object {
  return names.every(isPlainText) ? {} : [];
}
