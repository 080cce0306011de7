// Calls the addon's functions with generated arguments: argument-fuzz.js SEED FIRST COUNT DIRECTORY
// Reports how many calls it made, and what was wrong.
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { nativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';
import { report } from '../../helpers/parent.ts';
import { type Random, randomOf } from '../random.ts';
import {
  call,
  type FunctionName,
  faultOfAnswer,
  firstWrong,
  type Native,
  parametersOf,
} from './argument-calls.ts';
import { anyValue } from './argument-values.ts';

export interface Batch {
  readonly called: number;
  readonly refused: number;
  readonly found: readonly string[];
}

const BATCH = 10_000;
/** Above the time this program has: a watchdog that is set, and taken away before it is due. */
const FAR_AWAY_MS = 1e9;

const [seed, first, count, directory] = process.argv.slice(2) as [string, string, string, string];
const natives = nativeAddon() as unknown as Record<FunctionName, Native>;
const { setFileLock } = nativeAddon();
const { unlock, shared, exclusive } = nativeMode;
const open = (name: string): number => openSync(join(directory, name), 'a+');

/** What is held, and what must still be held in the same mode after every call that is refused. */
const held = [unlock, shared, exclusive].flatMap(mode =>
  Object.values(nativeScheme).map(scheme => {
    const name = `${mode}-${scheme}`;
    const descriptor = open(name);
    if (setFileLock(descriptor, mode, scheme) !== true) throw new Error(`${name} is contended`);
    return { name, descriptor, mode, scheme };
  }),
);
/** Anything may be done with its locks. */
const free = open('free');
const closed = open('closed');
closeSync(closed);

const small = {
  setFileLock: [0, 1, 2, free, closed, ...held.map(({ descriptor }) => descriptor)],
  setWatchdog: [0, 0, 1, FAR_AWAY_MS],
};

for (let at = Number(first); at < Number(first) + Number(count); at += BATCH) await report(batch(at));
process.exit(0);

function batch(start: number): Batch {
  const found: string[] = [];
  let refused = 0;
  for (let index = start; index < start + BATCH; index++) {
    const random = randomOf(Number(seed), index);
    const name: FunctionName = random.weighted({ setFileLock: 2, setWatchdog: 1 });
    const values = argumentsFor(random, name);
    const wrong = firstWrong(name, values);
    if (wrong !== undefined) refused += 1;
    const fault = tryCall(random, name, values, wrong);
    if (fault !== undefined) found.push(`seed ${seed}, call ${index}: ${name}(${show(values)}) ${fault}`);
  }
  natives.setWatchdog(0, 0);
  found.push(
    ...held
      .filter(lock => !isAsItWas(lock))
      .map(({ name }) => `seed ${seed}, by call ${start + BATCH}: lock ${name} changed`),
  );
  return { called: BATCH, refused, found };
}

function argumentsFor(random: Random, name: FunctionName): unknown[] {
  const usual = parametersOf[name].length;
  const length = random.pick([usual, usual, usual, usual, random.whole(0, usual), random.whole(usual, 40)]);
  const values = Array.from({ length }, () => anyValue(random, small[name]));
  if (firstWrong(name, values) !== undefined) return values;
  // Right arguments, so the call is made: not on what must stay, and not with a limit that would end this process.
  const [value] = values as [number];
  if (name === 'setFileLock') values[0] = random.pick([free, closed, Math.max(value, 2 ** 30)]);
  else values[0] = value < FAR_AWAY_MS ? 0 : value;
  return values;
}

function tryCall(
  random: Random,
  name: FunctionName,
  values: unknown[],
  wrong: string | undefined,
): string | undefined {
  const native = natives[name];
  try {
    // What is constructed is an object whatever the function answers.
    const constructs = random.chance(0.05);
    const answer = constructs ? Reflect.construct(native, values) : call(random, native, values);
    if (wrong !== undefined) return `was not refused for ${wrong}`;
    return constructs ? undefined : faultOfAnswer(name, values, answer);
  } catch (error) {
    if (!(error instanceof TypeError)) return `threw ${inspect(error)}`;
    if (!error.message.startsWith(`${wrong} must be`)) return `threw ${error.message}`;
    return undefined;
  }
}

function show(values: readonly unknown[]): string {
  return values.map(value => inspect(value, { depth: 0, showProxy: true }).slice(0, 100)).join(', ');
}

/** Asks as another who comes to the file would. */
function isAsItWas({ name, mode, scheme }: (typeof held)[number]): boolean {
  const descriptor = open(name);
  const isShareable = setFileLock(descriptor, shared, scheme);
  const isFree = setFileLock(descriptor, exclusive, scheme);
  closeSync(descriptor);
  return isShareable === (mode !== exclusive) && isFree === (mode === unlock);
}
