import assert from 'node:assert/strict';
import { types } from 'node:util';

/**
 * Asserts that two values are equal as graphs: the same kinds, prototypes, properties, contents and order, and what is
 * one object on one side is one object on the other. Linear, and stricter than deepStrictEqual, which on Node 20 compares
 * neither identity nor the cause of errors, and finds two invalid dates different.
 */
export function assertSameGraph(actual: unknown, expected: unknown): void {
  const counterparts = new Map<object, object>();
  const seenActual = new Set<object>();
  const pending: [unknown, unknown][] = [[actual, expected]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [a, b] = pair;
    if (typeof b !== 'object' || b === null) {
      assert.ok(Object.is(a, b), `${String(a)} is not ${String(b)}`);
      continue;
    }
    assert.ok(typeof a === 'object' && a !== null, 'an object is missing');
    const counterpart = counterparts.get(b);
    if (counterpart !== undefined) {
      assert.equal(a, counterpart, 'one object became two');
      continue;
    }
    assert.ok(!seenActual.has(a), 'two objects became one');
    seenActual.add(a);
    counterparts.set(b, a);
    assert.equal(Object.getPrototypeOf(a), Object.getPrototypeOf(b));
    const contents = contentsOf(a);
    const expectedContents = contentsOf(b);
    assert.equal(contents.length, expectedContents.length);
    for (const [i, content] of expectedContents.entries()) pending.push([contents[i], content]);
    pushProperties(pending, a, b);
  }
}

/** What is in an object beside its properties. */
function contentsOf(object: object): unknown[] {
  if (types.isDate(object)) return [object.getTime()];
  if (types.isRegExp(object)) return [object.source, object.flags];
  if (types.isMap(object)) return [...object].flat();
  if (types.isSet(object)) return [...object];
  if (types.isArrayBuffer(object)) return [...new Uint8Array(object)];
  if (types.isDataView(object))
    return [...new Uint8Array(object.buffer, object.byteOffset, object.byteLength)];
  if (types.isNativeError(object)) return ['error'];
  return Array.isArray(object) ? ['array', object.length] : [];
}

function pushProperties(pending: [unknown, unknown][], a: object, b: object): void {
  const keys = Reflect.ownKeys(b);
  assert.deepEqual(Reflect.ownKeys(a).sort(byText), [...keys].sort(byText));
  if (!types.isNativeError(b)) assert.deepEqual(Reflect.ownKeys(a), keys, 'the order of keys differs');
  for (const key of keys) {
    const property = Object.getOwnPropertyDescriptor(a, key)!;
    const expected = Object.getOwnPropertyDescriptor(b, key)!;
    assert.equal(property.enumerable, expected.enumerable, `${String(key)} is enumerable on one side only`);
    pending.push([Reflect.get(a, key), Reflect.get(b, key)]);
  }
}

function byText(a: string | symbol, b: string | symbol): number {
  return String(a) < String(b) ? -1 : 1;
}
