/** What does finding out where a function lives add to its registration, and is the debugger off again afterwards? */
import { FUNCTIONS, timed, timedOnce } from '../harness.mjs';
import { makeClosure, nothing } from '../programs/functions.mjs';

export const about = {
  title: 'Capture a function',
  unit: 'µs a call',
  text: '`DeferredFunction.of` names a location, `create` is given a function: an exported one that was seen before, a new closure of a script that is known, the first closure of a script. An `await` costs the same before and after: the debugger is off again.',
};

const CALLS = 1000;
const AWAITS = 100_000;

export async function measure(run) {
  const awaits = async () => ((await timedOnce(awaitMany)) * 1000) / AWAITS;
  await run.byTurns({ 'an await, before any capture': awaits });
  const candidates = { 'an await, after a capture': awaits };
  for (const { name, api } of run.builds) {
    const { DeferredFunction } = api;
    const args = ['/scratch', { force: true }];
    const location = { module: FUNCTIONS, export: 'nothing' };
    const unseen = await unseenClosures(run.count(30, 5));
    run.add(
      `${name}, create(first of a script)`,
      unseen.map(closure => timed(1, () => DeferredFunction.create(closure, 1))),
    );
    const calls = run.count(CALLS, 50);
    candidates[`${name}, of(location)`] = () => timed(calls, () => DeferredFunction.of(location, ...args));
    candidates[`${name}, create(exported)`] = () =>
      timed(calls, () => DeferredFunction.create(nothing, ...args));
    candidates[`${name}, create(closure), a new one`] = () =>
      timed(calls / 10, i => DeferredFunction.create(makeClosure(i), '/scratch'));
  }
  await run.byTurns(candidates);
}

async function awaitMany() {
  for (let i = 0; i < AWAITS; i++) await undefined;
}

/** Closures, each of a script of its own. */
async function unseenClosures(count) {
  const closures = [];
  for (let i = 0; i < count; i++) {
    const text = `const a = ${i}; const helper = x => x + a; export const make = n => y => helper(n) + y;`;
    const { make } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    closures.push(make(i));
  }
  return closures;
}
