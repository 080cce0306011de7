/** Arguments and captured values are one value: what was one object stays one, and views of one buffer share it. */
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

test('views of one buffer share it: among arguments, captured values, and both', async () => {
  const buffer = new ArrayBuffer(8);
  const bytes = new Uint8Array(buffer);
  const high = new Uint16Array(buffer, 4, 2);
  const given = (a: Uint8Array, b: Uint16Array): unknown => {
    b[0] = 0x0101;
    return [a[4], a.buffer === b.buffer, b.byteOffset, b.length, a.buffer.byteLength];
  };
  assert.deepEqual(await DeferredFunction.create(given, bytes, high).invoke(), [1, true, 4, 2, 8]);
  const mixed = (b: Uint16Array): unknown => given(bytes, b);
  assert.deepEqual(await DeferredFunction.create(mixed, high).invoke(), [1, true, 4, 2, 8]);
  const whole = (b: ArrayBuffer, view: DataView): unknown => {
    view.setUint8(0, 5);
    return [new Uint8Array(b)[1], bytes[1]];
  };
  assert.deepEqual(await DeferredFunction.create(whole, buffer, new DataView(buffer, 1)).invoke(), [5, 5]);
});

test('Buffers share the bytes that both show, and no others of the pool that Node keeps them in', async () => {
  const text = Buffer.from('secret abc');
  const part = text.subarray(7, 9);
  const write = (a: Buffer, b: Buffer): unknown => {
    b[0] = 0x78;
    return [String(a), a instanceof Buffer, b instanceof Buffer];
  };
  assert.deepEqual(await DeferredFunction.create(write, text, part).invoke(), ['secret xbc', true, true]);
  const apart = DeferredFunction.create(write, text.subarray(0, 3), part);
  assert.ok(!Buffer.from(apart.encodedArguments).includes('secret'));
  assert.deepEqual(await apart.invoke(), ['sec', true, true]);
});

test('a view that is met twice, and its buffer later than it, stay one', async () => {
  const view = new Uint8Array([1, 2, 3]);
  const fn = (a: Uint8Array, b: Uint8Array, c: ArrayBuffer): unknown => [a === b, a.buffer === c];
  assert.deepEqual(await DeferredFunction.create(fn, view, view, view.buffer).invoke(), [true, true]);
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

type Own = (() => unknown) & { n: number };

test('a function is one to itself, to those that it captured and to values', async () => {
  const count = (fn: Own): unknown => fn.n++;
  const byHelper: Own = Object.assign(
    function clean(): unknown {
      count(byHelper);
      return byHelper.n;
    },
    { n: 0 },
  );
  const byOwnName = Object.assign(
    function clean(): unknown {
      byOwnName.n++;
      return (clean as Own).n;
    },
    { n: 0 },
  );
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
    [byHelper, 1],
    [byOwnName, 1],
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
