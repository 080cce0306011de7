import types from 'node:util/types';
import { VIEW_NAMES } from './classes.ts';

const kindOfTypedArray = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/** The kind that the engine made an object, such as `Map`. Its prototype may be another now. Undefined for a plain object. */
export function madeAs(object: object): string | undefined {
  if (Array.isArray(object)) return 'Array';
  if (ArrayBuffer.isView(object)) return kindOfView(object);
  // One call each, and no table: every object of every value comes by.
  if (types.isMap(object)) return 'Map';
  if (types.isSet(object)) return 'Set';
  if (types.isDate(object)) return 'Date';
  if (types.isNativeError(object)) return 'Error';
  if (types.isPromise(object)) return 'Promise';
  if (types.isArrayBuffer(object)) return 'ArrayBuffer';
  if (types.isSharedArrayBuffer(object)) return 'SharedArrayBuffer';
  if (types.isRegExp(object)) return 'RegExp';
  if (types.isWeakMap(object)) return 'WeakMap';
  if (types.isWeakSet(object)) return 'WeakSet';
  if (types.isBoxedPrimitive(object)) return 'boxed primitive';
  if (types.isArgumentsObject(object)) return 'arguments object';
  if (types.isGeneratorObject(object)) return 'generator';
  if (types.isMapIterator(object) || types.isSetIterator(object)) return 'iterator';
  return undefined;
}

/** The name under which a view is stored; undefined for anything else, and where its prototype is that of another class. */
export function viewNameOf(object: object): string | undefined {
  if (!ArrayBuffer.isView(object)) return undefined;
  const name = VIEW_NAMES.get(Object.getPrototypeOf(object) as object);
  return kindOfView(object) === (name === 'Buffer' ? 'Uint8Array' : name) ? name : undefined;
}

function kindOfView(view: ArrayBufferView): string {
  return (Reflect.apply(kindOfTypedArray, view, []) as string | undefined) ?? 'DataView';
}
