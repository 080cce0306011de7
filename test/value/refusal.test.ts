import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { DeferredSweepError } from '#dist/errors.js';
import { restore } from '#dist/value/decode.js';
import { snapshot } from '#dist/value/encode.js';
import { MAX_ITEMS, MAX_VALUE_BYTES, MAX_VALUE_DEPTH } from '#dist/value/limits.js';

class Job {
  readonly id = 7;
}
class QuotaError extends Error {}

let nodeError: unknown;
try {
  Buffer.from(1 as never);
} catch (error) {
  nodeError = error;
}
const pooled = Buffer.from('pooled');
const words = new Uint16Array(4);
const realm = createContext();
const inRealm = (source: string): unknown => runInContext(source, realm);
const hidden = (value: unknown): PropertyDescriptor => ({ value, enumerable: false });
const getter: PropertyDescriptor = { get: () => assert.fail('a getter was run'), enumerable: true };
const watchful = new Proxy(
  {},
  { get: trapped, getPrototypeOf: trapped, ownKeys: trapped, getOwnPropertyDescriptor: trapped },
);
function trapped(): never {
  assert.fail('a trap was run');
}

/** Arguments, the path of what is refused in them, and how it is called in the message. */
const refused: readonly [unknown[], string, RegExp][] = [
  [[() => 1], 'args[0]', /it is a function; import/],
  [[1, { socket: new Socket() }], 'args[1].socket', /an instance of Socket; .*what identifies it/],
  [[new Map([['k', () => 1]])], 'args[0].get("k")', /a function/],
  [[new Map([[() => 1, 'k']])], 'args[0].keys()[0]', /a function/],
  [
    [new Map([[7n, new Map([[{}, Symbol('s')]])]])],
    'args[0].get(7n).get(an instance of Object)',
    /a symbol, Symbol\(s\)/,
  ],
  [[new Set([1, new Job()])], 'args[0].values()[1]', /an instance of Job; .*plain object/],
  [[{ 'odd key': [[new Job()]] }], 'args[0]["odd key"][0][0]', /Job/],
  [[Object.assign(new Array(3), { 0: 1, 2: 3 })], 'args[0][1]', /a hole there; fill it/],
  [[{ '\ud800': 1 }], 'args[0]["\\ud800"]', /its key holds half of a surrogate pair/],
  [[pooled, pooled.subarray(1)], 'args[1]', /it shares its buffer with another.*pass a copy/],
  [[new DataView(words.buffer, 4), words], 'args[1]', /it shares its buffer/],
  [[words.subarray(0, 1), words.subarray(1)], 'args[1]', /it shares its buffer/],
  [[Buffer.from(words.buffer, 0, 1), words.subarray(1)], 'args[1]', /it shares its buffer/],
  [[{ all: words.buffer, part: words }], 'args[0].part', /it shares its buffer/],
  [[Symbol.for('x')], 'args[0]', /a symbol, Symbol\(x\)/],
  [[{ [Symbol('k')]: 1 }], 'args[0][Symbol(k)]', /key is a symbol/],
  [
    [new URL('https://example.org')],
    'args[0]',
    /an instance of URL; pass fileURLToPath\(value\) where a path is meant/,
  ],
  [[new URLSearchParams()], 'args[0]', /URLSearchParams; .*String\(value\)/],
  [[Promise.resolve(1)], 'args[0]', /an instance of Promise; await it/],
  [[new WeakMap()], 'args[0]', /WeakMap/],
  [[new WeakSet()], 'args[0]', /WeakSet/],
  [[new WeakRef({})], 'args[0]', /WeakRef/],
  [[new AbortController().signal], 'args[0]', /AbortSignal/],
  [[new EventEmitter()], 'args[0]', /EventEmitter; .*what identifies it/],
  [[new String('boxed')], 'args[0]', /a boxed primitive; .*valueOf/],
  [[Object(1n)], 'args[0]', /a boxed primitive/],
  [[new SharedArrayBuffer(8)], 'args[0]', /SharedArrayBuffer; .*a copy/],
  [[new Uint8Array(new SharedArrayBuffer(8))], 'args[0]', /SharedArrayBuffer/],
  [[new Float64Array(new SharedArrayBuffer(8))], 'args[0]', /SharedArrayBuffer/],
  [[watchful], 'args[0]', /a Proxy/],
  [[{ a: new Proxy(() => 1, {}) }], 'args[0].a', /a Proxy/],
  [[Object.create(watchful)], 'args[0]', /an object of an unnamed class/],
  [[Object.defineProperty({}, 'size', getter)], 'args[0].size', /a getter or setter/],
  [[Object.defineProperty([], 0, getter)], 'args[0][0]', /a getter or setter/],
  [[Object.defineProperty(new Error('x'), 'code', getter)], 'args[0].code', /a getter or setter/],
  [[Object.defineProperty(new Error('x'), 'stack', getter)], 'args[0].stack', /a getter or setter/],
  [
    [Object.assign(new Error(), { message: Object.create(null) as string })],
    'args[0].stack',
    /to read it fails; .*message/,
  ],
  [[Object.defineProperty([1], 0, hidden(1))], 'args[0][0]', /not enumerable/],
  [[Object.defineProperty({}, 'cache', hidden(1))], 'args[0].cache', /not enumerable/],
  [[JSON.parse('{"a": {"__proto__": 1}}')], 'args[0].a.__proto__', /"__proto__"/],
  [
    [Object.defineProperty(Object.create(null), '__proto__', { value: 1, enumerable: true })],
    'args[0].__proto__',
    /"__proto__"/,
  ],
  [
    [Object.defineProperty(new Error('x'), '__proto__', { value: 1, enumerable: true })],
    'args[0].__proto__',
    /"__proto__"/,
  ],
  [[Object.assign([1], { extra: 1 })], 'args[0].extra', /an extra property on an array/],
  [[Object.assign(new Array(2), { 0: 1, extra: 1 })], 'args[0].extra', /an extra property on an array/],
  [[Object.assign([1], { '01': 1 })], 'args[0]["01"]', /an extra property on an array/],
  [[Object.assign([1], { 4294967295: 1 })], 'args[0]["4294967295"]', /an extra property on an array/],
  [[Object.assign([], { [Symbol('k')]: 1 })], 'args[0][Symbol(k)]', /an extra property on an array/],
  [[((strings: TemplateStringsArray) => strings)`tagged`], 'args[0].raw', /an extra property on an array/],
  [[Object.assign(new Map(), { extra: 1 })], 'args[0].extra', /an extra property on a Map/],
  [[Object.assign(new Set(), { extra: 1 })], 'args[0].extra', /an extra property on a Set/],
  [[Object.assign(new Date(), { extra: 1 })], 'args[0].extra', /an extra property on a Date/],
  [[Object.assign(/x/, { extra: 1 })], 'args[0].extra', /an extra property on a RegExp/],
  [[Object.assign(new ArrayBuffer(1), { extra: 1 })], 'args[0].extra', /an extra property on an ArrayBuffer/],
  [[Object.assign(new DataView(new ArrayBuffer(1)), { extra: 1 })], 'args[0].extra', /on a view of bytes/],
  [[Object.assign(new Uint8Array(3), { extra: 1 })], 'args[0].extra', /on a view of bytes/],
  [[Object.assign(new Uint8Array(3000), { extra: 1 })], 'args[0].extra', /on a view of bytes/],
  [[Object.assign(Buffer.alloc(3000), { extra: 1 })], 'args[0].extra', /on a view of bytes/],
  [[Object.assign(/x/, { lastIndex: {} })], 'args[0]', /lastIndex/],
  [[new QuotaError('full')], 'args[0]', /an instance of QuotaError; .*message/],
  [[new Error('x', { cause: { by: new Job() } })], 'args[0].cause.by', /Job/],
  [[new AggregateError([new Job()])], 'args[0].errors[0]', /Job/],
  [[nodeError], 'args[0]', /an unnamed class derived from TypeError/],
  [[Object.create(Error.prototype)], 'args[0]', /an unnamed class derived from Error/],
  [[Object.create(Date.prototype)], 'args[0]', /an instance of Date/],
  [[Object.create(Array.prototype)], 'args[0]', /an instance of Array/],
  [[Object.create({ inherited: 1 })], 'args[0]', /an instance of Object/],
  [[new (class Registry extends Map {})()], 'args[0]', /an instance of Registry/],
  [[new (class extends Array {})()], 'args[0]', /an object of an unnamed class/],
  [[(function* () {})()], 'args[0]', /a generator/],
  [[argumentsOf(1)], 'args[0]', /an arguments object; .*an array/],
  [[inRealm('({})')], 'args[0]', /another realm \(Object\); .*structuredClone/],
  [[inRealm('[]')], 'args[0]', /another realm \(Array\)/],
  [[inRealm('new Date()')], 'args[0]', /another realm \(Date\)/],
  [[inRealm('new Map()')], 'args[0]', /another realm \(Map\)/],
];

function argumentsOf(..._: unknown[]): object {
  // biome-ignore lint/complexity/noArguments: that is the case
  return arguments;
}

test('what would not come back equal is refused, with its path and what to do', () => {
  for (const [args, valuePath, message] of refused) {
    assert.throws(
      () => snapshot(args, 'args'),
      (error: unknown) => {
        assert.ok(error instanceof DeferredSweepError, `${valuePath}: ${String(error)}`);
        assert.equal(error.code, 'DEFERRED_VALUE_REFUSED');
        assert.equal(error.valuePath, valuePath);
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(`cannot store ${error.valuePath}: `));
        assert.ok(!error.message.endsWith('.'));
        return true;
      },
      valuePath,
    );
  }
});

test('what was made as one thing and has the prototype of another is refused', () => {
  const made: Readonly<Record<string, () => object>> = {
    Map: () => new Map([[1, 2]]),
    Set: () => new Set([1]),
    Date: () => new Date(5),
    RegExp: () => /a/g,
    Array: () => [1],
    ArrayBuffer: () => new ArrayBuffer(4),
    SharedArrayBuffer: () => new SharedArrayBuffer(4),
    DataView: () => new DataView(new ArrayBuffer(4)),
    Int8Array: () => new Int8Array([-1]),
    Uint16Array: () => new Uint16Array([1, 2]),
    Float64Array: () => new Float64Array([1.5]),
    WeakMap: () => new WeakMap(),
    WeakSet: () => new WeakSet(),
    Promise: () => Promise.resolve(1),
    'boxed primitive': () => Object(1n),
    'arguments object': () => argumentsOf(1),
    generator: () => (function* () {})(),
    iterator: () => new Map([[1, 2]]).entries(),
  };
  const prototypes = [
    Object,
    Uint8Array,
    Uint16Array,
    Buffer,
    DataView,
    Map,
    Set,
    Date,
    Array,
    ArrayBuffer,
    Job,
  ];
  for (const [name, make] of Object.entries(made)) {
    for (const prototype of [null, ...prototypes.map(({ prototype }): object => prototype)]) {
      if (prototype === Object.getPrototypeOf(make())) continue;
      const changed = Object.setPrototypeOf(Object.assign(make(), { more: 1 }), prototype);
      for (const value of [changed, Object.setPrototypeOf(make(), prototype)])
        assert.throws(
          () => snapshot([{ value }], 'args'),
          {
            code: 'DEFERRED_VALUE_REFUSED',
            valuePath: 'args[0].value',
            message: new RegExp(`made as ${name} and has another prototype; pass a plain copy|an? ${name};`),
          },
          name,
        );
    }
  }
});

test('a module namespace is refused', async () => {
  const namespace = await import('node:path');
  assert.throws(() => snapshot([namespace], 'args'), {
    valuePath: 'args[0]',
    message: /a module namespace; import/,
  });
});

test('a refused value leaves no trace: the next snapshot is as any other', () => {
  const before = snapshot(['/scratch/42', { force: true }], 'args');
  for (const [args] of refused) assert.throws(() => snapshot(args, 'args'));
  assert.deepEqual(snapshot(['/scratch/42', { force: true }], 'args'), before);
});

test('nesting is taken up to the limit, and refused beyond it with the path', () => {
  const wraps: Record<string, [number, (inner: unknown) => object]> = {
    arrays: [1, inner => [inner]],
    objects: [1, inner => ({ a: inner })],
    maps: [2, inner => new Map([['a', inner]])],
    sets: [2, inner => new Set([inner])],
    errors: [3, inner => Object.assign(Object.create(null), { a: inner })],
  };
  for (const [kind, [levels, wrap]] of Object.entries(wraps)) {
    let value: unknown = -0;
    let depth = 0;
    for (; depth <= MAX_VALUE_DEPTH; depth += levels) value = wrap(value);
    restore(snapshot(value, 'deep'));
    const innermost = { code: 'DEFERRED_VALUE_REFUSED', message: /nested deeper than \d+ levels/ };
    assert.throws(() => snapshot(wrap(value), 'deep'), innermost, kind);
    for (let i = 0; i < 1e5; i++) value = wrap(value);
    assert.throws(() => snapshot(value, 'deep'), innermost, kind);
  }
});

test('nesting is taken up to the limit through shared objects, too', () => {
  let value: unknown = [];
  for (let depth = 0; depth < MAX_VALUE_DEPTH - 1; depth++) value = [value];
  const bytes = snapshot([value, value], 'deep');
  const [first, second] = restore(bytes) as unknown[];
  assert.equal(first, second);
});

const tooLarge = { code: 'DEFERRED_TOO_LARGE', message: /^cannot store args: it takes more than / };

test('a value is taken up to the limit of bytes, and refused beyond it', () => {
  const header = 5;
  assert.equal(snapshot('x'.repeat(MAX_VALUE_BYTES - header), 'args').length, MAX_VALUE_BYTES);
  assert.throws(() => snapshot('x'.repeat(MAX_VALUE_BYTES - header + 1), 'args'), tooLarge);
  assert.equal(snapshot(new Uint8Array(MAX_VALUE_BYTES - header), 'args').length, MAX_VALUE_BYTES);
  for (const value of [
    'é'.repeat(MAX_VALUE_BYTES / 2),
    `\ud800${'x'.repeat(MAX_VALUE_BYTES / 2)}`,
    'x'.repeat(2 ** 28),
    Buffer.alloc(MAX_VALUE_BYTES),
    new Float64Array(MAX_VALUE_BYTES / 8),
    1n << BigInt(MAX_VALUE_BYTES * 4),
    Array.from({ length: 100 }, () => 'x'.repeat(MAX_VALUE_BYTES / 50)),
    new Map([['x'.repeat(MAX_VALUE_BYTES / 2), 'x'.repeat(MAX_VALUE_BYTES / 2)]]),
    new Array(MAX_VALUE_BYTES + 1).fill(0),
    Object.assign([], { 4294967294: 'last' }),
  ]) {
    assert.throws(() => snapshot(value, 'args'), tooLarge);
  }
});

test('a value is taken up to the limit of items, and refused beyond it', () => {
  const array = new Array(MAX_ITEMS - 1).fill(0);
  assert.equal((restore(snapshot(array, 'args')) as unknown[]).length, MAX_ITEMS - 1);
  array.push(0);
  assert.throws(() => snapshot(array, 'args'), tooLarge);
  assert.throws(() => snapshot(new Set(Array.from({ length: MAX_ITEMS }, (_, i) => i)), 'args'), tooLarge);
});
