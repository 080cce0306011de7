import assert from 'node:assert/strict';
import fc from 'fast-check';

/** Text of any UTF-16 code units: lone surrogates, byte order marks and all, also around the lengths CBOR changes form at. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(0xffff)).map(units => String.fromCharCode(...units)),
  fc.array(fc.integer({ min: 0xd7fe, max: 0xe001 })).map(units => String.fromCharCode(...units)),
  fc
    .tuple(
      fc.constantFrom('a', 'é', '€', '😀', '\ufeff', '\ud83d'),
      fc.constantFrom(15, 16, 23, 24, 31, 32, 63, 64, 65, 255, 256),
    )
    .map(([character, length]) => character.repeat(length)),
);

const oddKeys = [
  'constructor',
  'prototype',
  'toString',
  'then',
  'length',
  'hasOwnProperty',
  '__defineGetter__',
  '',
];
const anyKey = fc
  .oneof(anyText, fc.constantFrom(...oddKeys, '0', '7', '4294967295', '-1'))
  .filter(key => key !== '__proto__' && key.isWellFormed() && !key.startsWith('\ufeff'));

const anyBytes = fc.uint8Array({ maxLength: 40 });
type ViewClass = (new (
  buffer: ArrayBuffer,
  offset: number,
  length: number,
) => object) & { BYTES_PER_ELEMENT?: number };
const viewClasses: readonly ViewClass[] = [
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
];

const anyPrimitive = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    2 ** 53,
    -(2 ** 53),
    1e21,
  ),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt(),
  anyText,
);

/** Makes a fresh object without children each time it is called. */
const anyLeafObject: fc.Arbitrary<() => object> = fc.oneof(
  fc.date({ noInvalidDate: false }).map(date => () => new Date(date)),
  fc
    .tuple(
      fc.constantFrom('a', '(?:)', '[\\/]', '\\u{1F600}', '\ud800', '\n'),
      fc.constantFrom('', 'g', 'dgimsuy'),
      fc.nat(),
    )
    .map(
      ([source, flags, lastIndex]) =>
        () =>
          Object.assign(new RegExp(source, flags), { lastIndex }),
    ),
  anyBytes.map(bytes => () => Buffer.from(bytes)),
  anyBytes.map(bytes => () => bytes.slice().buffer),
  fc.tuple(anyBytes, fc.constantFrom(...viewClasses)).map(([bytes, View]) => () => {
    // Off the start of a larger buffer, as pooled Buffers are.
    const offset = 8;
    const length = bytes.length - (bytes.length % 8);
    const buffer = new ArrayBuffer(offset + length + 8);
    new Uint8Array(buffer).set(bytes.subarray(0, length), offset);
    return new View(buffer, offset, length / (View.BYTES_PER_ELEMENT ?? 1));
  }),
);

type Node = { object: object; link: (children: unknown[]) => void };

/** Makes an object, which its link fills with children later, when they all exist. */
const anyContainer: fc.Arbitrary<() => Node> = fc.oneof(
  fc.array(anyKey, { maxLength: 5 }).map(keys => () => propertiesNode({}, keys)),
  fc.array(anyKey, { maxLength: 5 }).map(keys => () => propertiesNode(Object.create(null), keys)),
  fc.constant(() => {
    const array: unknown[] = [];
    return { object: array, link: (children: unknown[]) => array.push(...children) };
  }),
  fc.constant(() => {
    const map = new Map();
    return {
      object: map,
      link: (children: unknown[]) => {
        for (const [i, child] of children.entries()) map.set(child, children[i + 1]);
      },
    };
  }),
  fc.constant(() => {
    const set = new Set();
    return {
      object: set,
      link: (children: unknown[]) => {
        for (const child of children) set.add(child);
      },
    };
  }),
  fc
    .tuple(
      fc.constantFrom(Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError),
      fc.option(anyText, { nil: undefined }),
      fc.array(fc.oneof(anyKey, fc.constantFrom('code', 'errno', 'syscall', 'path', 'name')), {
        maxLength: 3,
      }),
    )
    .map(([ErrorClass, message, keys]) => () => {
      const error = message === undefined ? new ErrorClass() : new ErrorClass(message, { cause: undefined });
      // Now, while name and message are text. Later they may be arrays of arrays, which V8 would write out for ever.
      assert.ok(error.stack);
      return propertiesNode(
        error,
        keys.filter(key => key !== 'stack'),
      );
    }),
  fc.constant(() => {
    const error = new AggregateError([]);
    return { object: error, link: (children: unknown[]) => error.errors.push(...children) };
  }),
);

function propertiesNode(object: object, keys: string[]): Node {
  return {
    object,
    link: children => {
      for (const [i, key] of keys.entries())
        (object as Record<string, unknown>)[key] = children[i % (children.length || 1)];
    },
  };
}

/** Values of all stored kinds, in graphs where anything may refer to anything: shared objects, cycles, Maps in themselves. */
export const anyValue: fc.Arbitrary<unknown> = fc
  .tuple(
    fc.array(
      fc.tuple(anyContainer, fc.array(fc.oneof(anyPrimitive, fc.nat(12).map(reference)), { maxLength: 4 })),
      { minLength: 1, maxLength: 10 },
    ),
    fc.array(anyLeafObject, { minLength: 1, maxLength: 4 }),
  )
  .map(([containers, leaves]) => {
    const nodes = containers.map(([make]) => make());
    const objects = [...nodes.map(node => node.object), ...leaves.map(make => make())];
    for (const [i, node] of nodes.entries()) {
      node.link(
        containers[i]![1].map(child =>
          child instanceof Reference ? objects[child.index % objects.length] : child,
        ),
      );
    }
    return objects[0];
  });

class Reference {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
}

function reference(index: number): Reference {
  return new Reference(index);
}

/** Values of plain kinds only: what a snapshot holds without a special. */
export const anyPlainValue: fc.Arbitrary<unknown> = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(
      fc.constantFrom(undefined, null, true, false),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double().filter(number => !Object.is(number, -0)),
      fc.string({ unit: 'grapheme' }),
      anyBytes,
    ),
    fc.array(tie('value'), { maxLength: 30 }),
    fc
      .dictionary(
        fc.string().filter(key => key !== '__proto__'),
        tie('value'),
      )
      .map(object => ({ ...object })),
  ),
})).value;
