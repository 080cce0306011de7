/** Arguments and captured values are one value: what was one object stays one, and bytes that two views show are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeferredFunction, DeferredSweepError } from '#dist/index.js';

test('what an argument and a captured variable both hold is one object', async () => {
  const state = { n: 0 };
  const count = (given: typeof state): number => {
    given.n++;
    return state.n;
  };
  assert.equal(await DeferredFunction.create(count, state).invoke(), 1);
  assert.equal(state.n, 0);
});

test('what an argument and a captured function both hold is one object', async () => {
  const list: string[] = [];
  const add = (item: string): number => list.push(item);
  const fn = (given: readonly string[]): string[] => {
    add('a');
    return [...given];
  };
  assert.deepEqual(await DeferredFunction.create(fn, list).invoke(), ['a']);
});

test('Buffers of one buffer have one each, of the bytes they show and no others', async () => {
  const bytes = Buffer.from('a secret b');
  const [a, b] = [bytes.subarray(0, 1), bytes.subarray(9)];
  const fn = (one: Buffer, other: Buffer): unknown => {
    one[0] = 0x78;
    return [String(one), one instanceof Buffer, other[0], other.buffer.byteLength];
  };
  const apart = DeferredFunction.create(fn, a, b);
  assert.ok(!Buffer.from(apart.encodedArguments).includes('secret'));
  assert.deepEqual(await apart.invoke(), ['x', true, 0x62, 1]);
});

test('a view that is met twice stays one', async () => {
  const view = new Uint8Array([1, 2, 3]);
  const fn = (one: Uint8Array, other: Uint8Array): unknown => one === other && one === view;
  assert.equal(await DeferredFunction.create(fn, view, view).invoke(), true);
});

test('an argument and a captured variable that show the same bytes are refused', () => {
  const bytes = new Uint8Array(8);
  const fn = (high: Uint16Array): unknown => [bytes[4], high[0]];
  assert.throws(() => DeferredFunction.create(fn, new Uint16Array(bytes.buffer, 4)), {
    code: 'DEFERRED_VALUE_REFUSED',
    message: /it shares its buffer with another one or a view in the value; pass a copy/,
  });
});

const refused: Readonly<Record<string, () => unknown>> = {
  'a resizable buffer': () => Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]),
  'a view of a resizable buffer': () =>
    new Uint8Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer),
  'a detached buffer': () => {
    const buffer = new ArrayBuffer(8);
    structuredClone(buffer, { transfer: [buffer] });
    return buffer;
  },
  'a view of a detached buffer': () => {
    const view = new Uint8Array(8);
    structuredClone(view, { transfer: [view.buffer] });
    return view;
  },
};

for (const [label, make] of Object.entries(refused)) {
  test(`${label} is refused`, () => {
    assert.throws(
      () => DeferredFunction.create(given => given, [make()]),
      error =>
        error instanceof DeferredSweepError &&
        error.code === 'DEFERRED_VALUE_REFUSED' &&
        error.valuePath === 'args[0][0]',
    );
  });
}

test('a function is one to itself, to those that it captured and to values', async () => {
  const isIt = (fn: unknown): unknown => fn === byHelper;
  const byHelper = (): unknown => isIt(byHelper);
  const isSame = function clean(): unknown {
    return isSame === clean;
  };
  const names = new Map<unknown, string>();
  const inMap = (): unknown => names.get(inMap);
  names.set(inMap, 'itself');
  const asHelper = (): unknown => passOn();
  const passOn = (): unknown => asHelper === holder.fn;
  const holder = { fn: asHelper };
  let turns = 0;
  const again = (): unknown => (++turns < 3 ? again() : turns);
  for (const [fn, gives] of [
    [byHelper, true],
    [isSame, true],
    [inMap, 'itself'],
    [asHelper, true],
    [again, 3],
  ] as const)
    assert.equal(await DeferredFunction.create(fn).invoke(), gives, String(fn));
});

test('a function that has another name than its text sees that name', async () => {
  const minified = function a(): unknown {
    return a.name;
  };
  Object.defineProperty(minified, 'name', { value: 'clean', configurable: true });
  assert.equal(await DeferredFunction.create(minified).invoke(), 'clean');
  const arrow = (): unknown => arrow.name;
  assert.equal(await DeferredFunction.create(arrow).invoke(), 'arrow');
});

test('an argument is refused with its own path where values are captured, too', () => {
  const captured = { a: 1 };
  const fn = (given: unknown): unknown => [given, captured];
  assert.throws(() => DeferredFunction.create(fn, { list: [() => 1] }), {
    code: 'DEFERRED_VALUE_REFUSED',
    valuePath: 'args[0].list[0]',
  });
});

test('the limit of captured values is not one of arguments', async () => {
  const captured = { a: 1 };
  const fn = (given: string): number => given.length + captured.a;
  const deferred = DeferredFunction.capture(fn, ['x'.repeat(10_000)], { maxCapturedBytes: 1_000 });
  assert.equal(await deferred.invoke(), 10_001);
});
