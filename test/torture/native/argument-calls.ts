/** What the addon's functions must answer to which arguments, and the ways there are to call a function. */
import { createContext, runInContext } from 'node:vm';
import { nativeScheme } from '#dist/lock/native.js';
import type { Random } from '../random.ts';

interface Parameter {
  readonly name: string;
  readonly most: number;
}

export type Native = (...values: unknown[]) => unknown;
export type FunctionName = keyof typeof parametersOf;

const MOST = 0x7fffffff;

export const parametersOf = {
  setFileLock: [
    { name: 'descriptor', most: MOST },
    { name: 'mode', most: 2 },
    { name: 'scheme', most: 1 },
  ],
  setWatchdog: [
    { name: 'limitMs', most: MOST },
    { name: 'graceMs', most: MOST },
  ],
} as const satisfies Record<string, readonly Parameter[]>;

/** The name of the first argument that is wrong, if one is. */
export function firstWrong(name: FunctionName, values: readonly unknown[]): string | undefined {
  const parameters: readonly Parameter[] = parametersOf[name];
  return parameters.find(({ most }, index) => {
    const value = values[index];
    return !(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most);
  })?.name;
}

/** Why this is not what `native/binding.cc` says right arguments are answered with; undefined if it is. */
export function faultOfAnswer(
  name: FunctionName,
  values: readonly unknown[],
  answer: unknown,
): string | undefined {
  if (answer === true) return undefined;
  if (name === 'setFileLock' && answer === false) return undefined;
  if (typeof answer !== 'object' || answer === null) return `answered ${String(answer)}`;
  const { errno, syscall, ...more } = answer as Record<string, unknown>;
  const lockCall = values[2] === nativeScheme.flock ? 'flock' : 'fcntl';
  if (syscall !== (name === 'setFileLock' ? lockCall : 'setitimer'))
    return `named the call ${String(syscall)}`;
  if (!Number.isInteger(errno) || (errno as number) <= 0) return `gave errno ${String(errno)}`;
  if (Object.keys(more).length > 0) return `answered more: ${Object.keys(more)}`;
  return undefined;
}

const foreign = createContext();
const callInContext = runInContext('(native, values) => native(...values)', foreign) as Call;

type Call = (native: Native, values: unknown[]) => unknown;

/** Those of which the answer is that of the function. */
const calls: readonly Call[] = [
  (native, values) => native(...values),
  (native, values) => native.apply(null, values),
  (native, values) => native.apply(new Proxy({}, {}), values),
  (native, values) => Reflect.apply(native, Symbol('this'), values),
  (native, values) => native.bind(undefined, ...values)(),
  (native, values) => new Proxy(native, {})(...values),
  (native, values) =>
    ({
      get answer() {
        return native(...values);
      },
    }).answer,
  (native, values) => [0].map(() => native(...values))[0],
  callInContext,
];

/** Calls it, in one way or another. */
export function call(random: Random, native: Native, values: unknown[]): unknown {
  return random.pick(calls)(native, values);
}
