/** Values of every type that JavaScript has, as arguments for functions that take whole numbers. */
import { createContext, runInContext } from 'node:vm';
import type { Random } from '../random.ts';

/** What nobody may call: an addon that does runs foreign code in the middle of reading its arguments. */
function trap(): never {
  throw new Error('the addon called back into JavaScript');
}

const TRAPS = [
  'apply',
  'construct',
  'defineProperty',
  'deleteProperty',
  'get',
  'getOwnPropertyDescriptor',
  'getPrototypeOf',
  'has',
  'isExtensible',
  'ownKeys',
  'preventExtensions',
  'set',
  'setPrototypeOf',
] as const;
const allTraps: ProxyHandler<object> = Object.fromEntries(TRAPS.map(name => [name, trap]));
const foreign = createContext();

const numbers: readonly number[] = [
  ...[0, -0, 1, 2, 3, 4, -1, -2, 0.5, -0.5, 1.5, Number.NaN, Infinity, -Infinity],
  ...[31, 32, 33, 52, 53, 63, 64].flatMap(bits => [2 ** bits - 1, 2 ** bits, 2 ** bits + 1, -(2 ** bits)]),
  ...[
    Number.MIN_VALUE,
    Number.EPSILON,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    1 + Number.EPSILON,
    2 ** 31 - 0.5,
  ],
];

/** Each makes a new value: none depends on what was done with the last. */
const makers: readonly ((random: Random) => unknown)[] = [
  () => undefined,
  () => null,
  random => random.chance(0.5),
  random => BigInt(random.pick([0, 1, 2, -1, 2 ** 31, 2 ** 64])),
  random => random.pick([Symbol(), Symbol.for('0'), Symbol.toPrimitive, Symbol.iterator]),
  random =>
    random.pick(['', '0', '1', '-1', '0x1', ' 1', 'NaN', '\0', '\ud800', 'é'.repeat(random.whole(1, 2000))]),
  random => random.pick([[], [0], [1, 2], Array(10), Object.freeze([2])]),
  random => random.pick([new Number(0), new String('1'), new Boolean(true), Object(1n), Object(Symbol())]),
  random =>
    random.pick([{}, Object.create(null), { 0: 0, length: 1 }, Object.freeze({ valueOf: 1 }), globalThis]),
  () => ({ valueOf: trap, toString: trap, [Symbol.toPrimitive]: trap }),
  () => ({ valueOf: () => 0, toString: () => '0', [Symbol.toPrimitive]: () => 0 }),
  () => Object.defineProperty({}, Symbol.toPrimitive, { get: trap }),
  () => Object.defineProperty(new Number(0), 'valueOf', { get: trap }),
  () => new Proxy({}, allTraps),
  () => new Proxy(() => 0, allTraps),
  () => new Proxy(new Number(0), allTraps),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  random =>
    random.pick([
      () => 0,
      trap,
      class {},
      async () => 0,
      function* () {},
      Math.max,
      Number,
      Function.prototype,
    ]),
  random =>
    random.pick([new Date(0), /0/, new Map(), new Set(), new WeakMap(), new Error('0'), Promise.resolve(0)]),
  random =>
    random.pick([
      new Uint8Array(8),
      new Float64Array(1),
      new BigInt64Array(1),
      new DataView(new ArrayBuffer(8)),
    ]),
  random => random.pick([new ArrayBuffer(8), new SharedArrayBuffer(8), Buffer.from('0'), new WeakRef({})]),
  () => {
    const bytes = new ArrayBuffer(8);
    structuredClone(bytes, { transfer: [bytes] });
    return bytes;
  },
  random =>
    runInContext(random.pick(['({})', '[0]', 'new Number(0)', '() => 0', 'Symbol()', '0', '"0"']), foreign),
];

/** @param small - numbers the function may mean something by */
export function anyValue(random: Random, small: readonly number[]): unknown {
  const kind = random.weighted({ small: 4, number: 3, bits: 1, other: 5 });
  if (kind === 'small') return random.pick(small);
  if (kind === 'number') return random.pick(numbers) + random.pick([0, 0, 0, ...small]);
  if (kind === 'bits') {
    const words = Uint32Array.from({ length: 2 }, () => random.whole(0, 2 ** 32 - 1));
    return new Float64Array(words.buffer)[0];
  }
  return random.pick(makers)(random);
}
