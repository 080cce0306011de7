import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encode, isSpecial, special } from '#dist/value/codec.js';
import { restore } from '#dist/value/decode.js';
import { snapshot } from '#dist/value/encode.js';

interface StandIn {
  source: string;
  names: string[];
  captured: Record<string, unknown>;
}

// A function of this program knows its captured variables itself; the real capture asks V8 for them.
type Capturing = (() => unknown) & { captured: Record<string, unknown> };

function capturing(captured: Record<string, unknown>): Capturing {
  return Object.assign(() => captured, { captured });
}

function standInOf(fn: unknown): StandIn {
  const { captured } = fn as Capturing;
  return { source: `() => ${Object.keys(captured)}`, names: Object.keys(captured), captured };
}

/** Makes functions that look their captured variables up when they are called. */
function revived(): { made: StandIn[]; decodeFunction: (standIn: unknown) => unknown } {
  const made: StandIn[] = [];
  return {
    made,
    decodeFunction: standIn => {
      made.push(standIn as StandIn);
      return () => (standIn as StandIn).captured;
    },
  };
}

test('without encodeFunction functions are refused, without decodeFunction they are corrupt', () => {
  const bytes = snapshot([() => 1], 'args', () => 'stand-in');
  assert.throws(() => snapshot([() => 1], 'args'), { code: 'DEFERRED_VALUE_REFUSED', valuePath: 'args[0]' });
  assert.throws(() => restore(bytes), { code: 'DEFERRED_STATE_CORRUPT' });
});

test('a function is encoded with its path, and what decodeFunction returns takes its place', () => {
  const paths: string[] = [];
  const fn = (): number => 1;
  const bytes = snapshot([{ a: new Map([['k', fn]]) }], 'args', (met, path) => {
    assert.equal(met, fn);
    paths.push(path);
    return 41;
  });
  assert.deepEqual(paths, ['args[0].a.get("k")']);
  assert.ok(bytes.includes(encode(special(['function', 41]))));
  const restored = restore(bytes, standIn => `function ${standIn}`);
  assert.deepEqual(restored, [{ a: new Map([['k', 'function 41']]) }]);
});

test('a function met twice is encoded and decoded once, and stays one', () => {
  const fn = capturing({ n: 1 });
  let encoded = 0;
  const bytes = snapshot([fn, { again: fn }, new Set([fn])], 'args', met => {
    encoded += 1;
    return standInOf(met);
  });
  const { made, decodeFunction } = revived();
  const [first, { again }, set] = restore(bytes, decodeFunction) as [object, { again: object }, Set<object>];
  assert.deepEqual([encoded, made.length], [1, 1]);
  assert.equal(first, again);
  assert.ok(set.has(first));
});

test('a function captured by what it captures comes back so', () => {
  const holder: Record<string, unknown> = { text: '\ud800' };
  const fn = capturing({ holder });
  holder.fn = fn;
  holder.other = capturing({ fn, holder, list: [fn] });
  for (const value of [[fn], [holder], [holder, fn], [[holder.other]], new Map([[fn, holder]])]) {
    const { made, decodeFunction } = revived();
    restore(snapshot(value, 'args', standInOf), decodeFunction);
    assert.equal(made.length, 2);
    const restoredFn = made.find(standIn => standIn.names.length === 1)!;
    const restoredHolder = restoredFn.captured.holder as { text: string; fn: Capturing; other: Capturing };
    assert.equal(restoredHolder.text, '\ud800');
    assert.equal(restoredHolder.fn(), restoredFn.captured);
    const others = restoredHolder.other() as Record<string, unknown>;
    assert.equal(others.fn, restoredHolder.fn);
    assert.equal(others.holder, restoredHolder);
    assert.deepEqual(others.list, [restoredHolder.fn]);
  }
});

test('when a function is made its text is there, and its captured variables are not promised', () => {
  const date = new Date(5);
  const bytes = snapshot([date, capturing({ date, n: 1 })], 'args', standInOf);
  restore(bytes, standIn => {
    const { source, names, captured } = standIn as StandIn;
    assert.deepEqual([source, names, captured.n], ['() => date,n', ['date', 'n'], 1]);
    assert.ok(isSpecial(captured.date));
    return assert;
  });
});

test('what a function captures is refused with a path through the function', () => {
  assert.throws(() => snapshot([capturing({ key: Symbol('x') })], 'args', standInOf), {
    valuePath: 'args[0].captured.key',
  });
});

test('an encodeFunction that returns what cannot stand in is told so', () => {
  for (const standIn of [new Map(), -0, Object.create(null), () => 1]) {
    assert.throws(() => snapshot([() => 1], 'args', () => standIn), TypeError);
  }
});
