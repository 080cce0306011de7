/** What must hold after every run, whatever was done to it: `docs/guarantees.md`. Each breach is one line of text. */
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { sweepHere } from '../../helpers/sweep-here.ts';
import type { Lane } from './lane.ts';
import { type Leftovers, leftoversOf } from './left-over.ts';
import { type Line, readLedger } from './notes.ts';
import { descriptorsUnder, processesOf, treesOf } from './processes.ts';
import { unreported } from './reports.ts';
import type { Ended } from './run.ts';

/** What became of a run: everything that was told, what ran, what is left. */
export interface Outcome {
  readonly lane: Lane;
  readonly ended: Ended;
  readonly told: readonly string[];
  readonly ran: readonly Line[];
  readonly leftovers: Leftovers;
  readonly breaches: readonly string[];
}

/** Sweeps up after a run as the next worker would, and says what is broken already by what that finds. */
export async function sweepUp(lane: Lane, ended: Ended): Promise<Outcome> {
  const breaches: string[] = [];
  lane.takeBack();
  for (const pid of processesOf(lane)) breaches.push(`process ${pid} is left over`);
  if (lane.scenario.attempts === undefined) {
    const { pending, live, held, sweeping } = await sweepHere(lane.base);
    const locked = live + held + sweeping;
    if (pending + locked > 0) breaches.push(`one sweep was not enough: ${pending} pending, ${locked} locked`);
  }
  // Uses up the attempts of functions that fail.
  for (let attempt = 0; attempt < (lane.scenario.attempts ?? 0); attempt++) await sweepHere(lane.base);
  await DeferredFunctionManager.cleanupWorker(lane.base, { logger: null, retryDelayMs: 0 });
  const second = await sweep(lane.base, { logger: null });
  if (second.files.length > 0) breaches.push(`a second sweep found ${JSON.stringify(second.files)}`);
  const leftovers = leftoversOf(lane.base);
  // strace counts in each process: one call may end the runner of each attempt. Then a dead letter says that the tree is left.
  const isGivenUp = leftovers.letters.includes('endProcesses');
  for (const pid of treesOf(lane)) {
    if (!isGivenUp) breaches.push(`process ${pid} of the tree lives on`);
    process.kill(pid, 'SIGKILL');
  }
  for (const descriptor of descriptorsUnder(lane.base)) breaches.push(`open: ${descriptor}`);
  for (const path of leftovers.files) breaches.push(`${path} is left over`);
  const told = [...lane.prepared, ...ended.told];
  breaches.push(...(lane.props?.breaches(lane.base, told) ?? []));
  return { lane, ended, told, ran: readLedger(lane.ledger), leftovers, breaches };
}

export function timesRun({ ran }: Outcome, name: string): number {
  return ran.filter(line => line.name === name).length;
}

/** The names of what was told, such as `deferred`. */
export function toldOf({ told }: Outcome, what: string): string[] {
  return told.filter(line => line.startsWith(`${what} `)).map(line => line.slice(what.length + 1));
}

/**
 * What holds of every function, killed or failing.
 * @param uncounted - attempts of which the disk may have had no room to say that they were
 */
export function breachesOf(outcome: Outcome, uncounted = 0): string[] {
  const { ran, leftovers } = outcome;
  const { attempts = 3, isAtMostOnce = false, damaged = 0 } = outcome.lane.scenario;
  const breaches = [...outcome.breaches, ...unreported(outcome)];
  for (const { name, circumstance } of ran) {
    if (circumstance === 'early') breaches.push(`${name} ran before the end of its job`);
    if (circumstance === 'stolen') breaches.push(`${name} ran while its owner lived`);
  }
  const failing = toldOf(outcome, 'failing');
  const saved = toldOf(outcome, 'saved');
  const unsaved = toldOf(outcome, 'exposed').filter(name => !saved.includes(name));
  for (const name of toldOf(outcome, 'deferred')) {
    const times = timesRun(outcome, name);
    const hasLetter = leftovers.letters.includes(name);
    if (toldOf(outcome, 'cancelled').includes(name)) {
      if (times > 0 || hasLetter) breaches.push(`${name} ran although it was cancelled`);
    } else if (failing.includes(name)) {
      if (!hasLetter && !unsaved.includes(name)) breaches.push(`${name} failed and has no dead letter`);
      if (times > attempts + uncounted)
        breaches.push(`${name} ran ${times} times, it has ${attempts} attempts`);
    } else if (toldOf(outcome, 'cancelling').includes(name) && !toldOf(outcome, 'kept').includes(name)) {
      // Whether it was cancelled nobody knows: nobody was told.
    } else if (isAtMostOnce || attempts === 1) {
      if (times > (isAtMostOnce ? 1 : attempts + uncounted))
        breaches.push(`${name} ran ${times} times, it must at most once`);
      if (times === 0 && !hasLetter) breaches.push(`${name} is lost`);
    } else {
      if (times === 0 && !unsaved.includes(name)) breaches.push(`${name} is lost`);
      if (hasLetter) breaches.push(`${name} was given up`);
    }
  }
  for (const name of toldOf(outcome, 'refused')) {
    if (timesRun(outcome, name) > 0) breaches.push(`${name} ran although its registration failed`);
  }
  if (leftovers.damaged.length !== damaged)
    breaches.push(`set aside: ${leftovers.damaged.join() || 'nothing'}, expected ${damaged}`);
  return breaches;
}

/** Functions that ran more than once though they did not fail. */
export function repeated(outcome: Outcome): string[] {
  const failing = toldOf(outcome, 'failing');
  const names = [...new Set(outcome.ran.map(line => line.name))];
  return names.filter(name => !failing.includes(name) && timesRun(outcome, name) > 1);
}
