/** A scenario: one program that is tortured at every system call. Each is one small file in `scenarios/`, found by itself. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

export interface Scenario {
  readonly name: string;
  /** Leaves what the program works on; in a process of its own, which may kill itself. Nothing, where there is none. */
  prepare?(stage: Stage): Promise<void>;
  /** The program. Its first system call is the first that is tortured. */
  run(stage: Stage): Promise<void>;
  /** Who is tortured: the program (default), its runner, or the sweep of the user that it starts. */
  readonly victim?: 'program' | 'runner' | 'user';
  /** The base is this user's, and root sweeps it as that user: `--all-users`. The account is made for it. */
  readonly user?: number;
  /** What becomes of its runners when it is killed; absent: it has none. */
  readonly children?: 'survive' | 'die';
  /** Somebody else sweeps all the time while the program lives. */
  readonly isBesieged?: boolean;
  /** It opens jobs: where that throws, the report of the sweep before is the logger's. */
  readonly opensJobs?: boolean;
  /** Functions that fail whenever they run have so many attempts. */
  readonly attempts?: number;
  /** Its functions must not run twice, and are given up instead. */
  readonly isAtMostOnce?: boolean;
  /** Damaged files that end among the dead letters. */
  readonly damaged?: number;
  /** It looks at all processes: they are its own only, in a PID namespace, so that it makes as many calls each time. */
  readonly looksAtProcesses?: boolean;
  /** It has things and processes to remove and to end, and a server to ask. */
  readonly hasProps?: boolean;
  /** There is nothing to run in its files. */
  readonly appendsNothing?: boolean;
  /** Exit codes that say nothing but what the report says. Otherwise it is 0 only. */
  readonly exitCodes?: readonly number[];
  /** The program has fewer system calls on its files than this only if the test has shrunk. */
  readonly minimumPoints: number;
}

export interface FoundScenario {
  readonly path: string;
  readonly scenario: Scenario;
}

/** Part of the names of the scenarios to walk; by default all. */
const ONLY = process.env.TORTURE_SCENARIO ?? '';

/** Every scenario there is, or is asked for, by file name. */
export async function findScenarios(): Promise<FoundScenario[]> {
  const directory = join(import.meta.dirname, 'scenarios');
  const names = readdirSync(directory)
    .filter(name => name.endsWith('.js'))
    .sort();
  const found = await Promise.all(
    names.map(async name => ({ path: join(directory, name), scenario: await load(join(directory, name)) })),
  );
  return found.filter(({ scenario }) => scenario.name.includes(ONLY));
}

export async function load(path: string): Promise<Scenario> {
  return ((await import(path)) as { default: Scenario }).default;
}
