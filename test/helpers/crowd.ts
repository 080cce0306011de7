/** Sweeps, cleanups and jobs that open, all in loops over the same orphans, while more owners are killed. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { read } from './calls.ts';
import { type Child, startChild } from './child.ts';
import { deferOf, framesOf, headerOf, stateBase } from './state-bytes.ts';

const append = encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' });

/** So many files of dead owners, each with one function that writes its number. */
export function putOrphans(
  t: TestContext,
  count: number,
): { base: string; directory: string; ledger: string } {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  for (let number = 0; number < count; number++) {
    const record = deferOf(1, [ledger, `${number}\n`], { function: append });
    put(Buffer.concat(framesOf(headerOf(), record)), `func${String(number).padStart(6, '0')}`);
  }
  return { base, directory: join(base, 'deferred'), ledger };
}

/** One process for each verb: `sweep`, `cleanup`, or `open`, which opens five jobs at once. They wait for `go`. */
export async function startCrowd(
  t: TestContext,
  base: string,
  ...verbs: readonly string[]
): Promise<Child[]> {
  const crowd = verbs.map(verb => startChild(t, 'crowd-sweeper', { args: [verb, base, '5'] }));
  for (const child of crowd) assertReady(await child.next());
  return crowd;
}

/** What one of the crowd says at its end. */
export interface Came {
  /** The outcome of each function in its reports. */
  readonly ran: readonly string[];
  /** How often it left a file to another sweep. */
  readonly missed: number;
  readonly sweeps: number;
}

/** How large a crowd is. */
export interface CrowdSize {
  /** Files of owners that died before. */
  readonly orphans: number;
  /** How many functions each of the owners that are killed meanwhile registers at least, each in a job of its own. */
  readonly registrations: readonly number[];
}

/** What came of it. */
export interface CrowdFigures {
  readonly registered: number;
  readonly ran: number;
  readonly sweeps: number;
  /** Functions that were registered and never ran. */
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  /** Functions that ran before their owner was killed. */
  readonly early: readonly string[];
  /** Files that are left after the last sweep. */
  readonly left: readonly string[];
  /** Outcomes in all reports other than `ok`, and how many functions are in no report or in two. */
  readonly misreported: readonly string[];
  /** How often a file was left to another sweep. */
  readonly leftToOthers: number;
  /** Functions that each of the crowd left to another, in its last sweep after the last death. */
  readonly missedByAll: number;
}

/** Four sweeps, a cleanup and a process that opens jobs, in loops until all owners are dead; then one last sweep. */
export async function runCrowd(t: TestContext, { orphans, registrations }: CrowdSize): Promise<CrowdFigures> {
  const { base, directory, ledger } = putOrphans(t, orphans);
  const owners = registrations.map((_, number) =>
    startChild(t, 'crowd-owner', { args: [base, ledger, `owner ${number}`] }),
  );
  const crowd = await startCrowd(t, base, 'sweep', 'sweep', 'sweep', 'sweep', 'open', 'cleanup');
  for (const child of crowd) child.send('go');
  const registered = Array.from({ length: orphans }, (_, number) => `${number}`);
  const early: string[] = [];
  await Promise.all(
    owners.map(async (owner, number) => {
      for (let count = 0; count < registrations[number]!; count++)
        registered.push(await owner.next<string>());
      // Its owner lives: nothing of it has run.
      early.push(...read(ledger).filter(line => line.startsWith(`owner ${number}.`)));
      await owner.kill();
    }),
  );
  const came = await Promise.all(crowd.map(child => child.ask<Came>('once more')));
  const last = await sweep(base, { logger: null, waitMs: 30_000 });
  const ran = read(ledger);
  const once = new Set(ran);
  const lastFunctions = last.files.flatMap(file => file.functions.map(one => one.outcome));
  const outcomes = [...came.flatMap(one => one.ran), ...lastFunctions];
  const sum = (of: (one: Came) => number): number => came.reduce((all, one) => all + of(one), 0);
  return {
    registered: registered.length,
    ran: ran.length,
    sweeps: sum(one => one.sweeps) + 1,
    lost: registered.filter(name => !once.has(name)),
    twice: ran.filter((name, index) => ran.indexOf(name) !== index),
    early,
    // A cleanup may have removed the directory, which is empty then.
    left: existsSync(directory) ? readdirSync(directory) : [],
    misreported: [
      ...outcomes.filter(outcome => outcome !== 'ok'),
      ...(outcomes.length === ran.length ? [] : [`${outcomes.length} reported, ${ran.length} ran`]),
    ],
    leftToOthers: sum(one => one.missed),
    missedByAll: last.ok,
  };
}

function assertReady(message: unknown): void {
  if (message !== 'ready') throw new Error(`not ready: ${String(message)}`);
}
