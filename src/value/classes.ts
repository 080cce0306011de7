type ViewClass = new (buffer: ArrayBuffer) => NodeJS.ArrayBufferView;

// Only built-in classes, and these as they are when this file is loaded: nothing is ever looked up by a stored name.
const ERROR_CLASSES = [
  Error,
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];
// Since Node 24.
const { Float16Array } = globalThis as { Float16Array?: ViewClass };
const VIEW_CLASSES: readonly ViewClass[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  DataView,
  ...(Float16Array === undefined ? [] : [Float16Array]),
];

/** By the prototypes of the error classes of the language, the names they are stored under. */
export const ERROR_NAMES: ReadonlyMap<object, string> = new Map(
  ERROR_CLASSES.map(Class => [Class.prototype, Class.name]),
);

export const ERROR_PROTOTYPES: ReadonlyMap<string, object> = new Map(
  ERROR_CLASSES.map(Class => [Class.name, Class.prototype]),
);

export const VIEW_NAMES: ReadonlyMap<object, string> = new Map<object, string>([
  [Buffer.prototype, 'Buffer'],
  ...VIEW_CLASSES.map(Class => [Class.prototype, Class.name] as const),
]);

type MakeView = (buffer: ArrayBuffer) => object;

/** Makes the view stored under a name, of an ArrayBuffer; RangeError when its length does not fit the elements. */
export const VIEW_MAKERS: ReadonlyMap<string, MakeView> = new Map<string, MakeView>([
  ['Buffer', buffer => Buffer.from(buffer)],
  ...VIEW_CLASSES.map(Class => [Class.name, (buffer: ArrayBuffer) => new Class(buffer)] as const),
]);
