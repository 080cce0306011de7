/** Workers and sweepers in processes of their own: the tests' side. */
import { type SpawnSyncReturns, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ManagerOptions, type SweepOptions, type SweepReport, sweep } from '#dist/index.js';
import type { Call } from './calls.ts';
import { type Child, type ChildOptions, startChild } from './child.ts';
import { commandLinePath } from './command-line.ts';
import { freshDirectory } from './fresh-directory.ts';

export type Death = 'abort' | 'exit' | 'uncaught exception' | 'unhandled rejection' | 'sigkill';

export interface WorkerPlan {
  readonly base: string;
  readonly ledger: string;
  readonly options?: Omit<ManagerOptions, 'logger' | 'signal'>;
  /** Registered with every job it opens, the first of which is open when the worker has reported its path. */
  readonly calls?: readonly Call[];
}

export type WorkerCommand =
  | { readonly op: 'open' | 'close' | 'start-close' | 'manager.close' | 'finish' }
  | { readonly op: 'defer'; readonly call: Call }
  | { readonly op: 'chdir'; readonly path: string }
  | { readonly op: 'fill' | 'defer-endlessly'; readonly bytes: number }
  /** Without exec, by the addon of `bare-fork.ts`: reports the child's pid. */
  | { readonly op: 'fork'; readonly addon: string; readonly limitMs: number }
  | { readonly op: 'reap'; readonly addon: string; readonly pid: number }
  | { readonly op: 'die'; readonly how: Death };

/** What a worker answers to `defer` and `fill`. */
export interface DeferAnswer {
  readonly id?: number;
  readonly code?: string;
  readonly message?: string;
  readonly cause?: string;
}

export interface SweeperPlan {
  readonly verb: 'sweep' | 'cleanup' | 'open';
  readonly base: string;
  readonly options?: Omit<SweepOptions, 'logger' | 'signal'>;
  /** Says `ready` and waits for a message before it begins. */
  readonly waits?: boolean;
}

/** A base directory, and a ledger outside of it. */
export interface Place {
  readonly base: string;
  readonly ledger: string;
  /** Where the state files are. */
  readonly directory: string;
  /** The whole temporary directory. */
  readonly root: string;
}

export function freshPlace(t: TestContext): Place {
  const root = freshDirectory(t);
  const base = join(root, 'base');
  mkdirSync(base);
  return { root, base, ledger: join(root, 'ledger'), directory: join(base, 'deferred') };
}

/** A worker whose first job is open, all of the plan's calls registered. */
export async function startWorker(
  t: TestContext,
  plan: WorkerPlan,
  options: ChildOptions = {},
): Promise<{ child: Child; path: string }> {
  const child = startChild(t, 'job-worker', { ...options, args: [JSON.stringify(plan)] });
  return { child, path: await child.next<string>() };
}

/** What a worker leaves behind that was killed with these calls registered. Returns its state file's path. */
export async function leaveOrphan(
  t: TestContext,
  plan: WorkerPlan,
  options: ChildOptions = {},
): Promise<string> {
  const { child, path } = await startWorker(t, plan, options);
  await child.kill();
  return path;
}

/** Leaves an orphan in `place` whose owner ran with a loader, in a directory: both are gone. The loader sets `globalThis.hooked`. */
export async function leaveStranded(
  t: TestContext,
  { base, ledger, root }: Place,
  calls: readonly Call[],
): Promise<void> {
  const hook = join(root, 'hook.mjs');
  const cwd = join(root, 'cwd');
  mkdirSync(cwd);
  writeFileSync(hook, "globalThis.hooked = 'yes';\n");
  await leaveOrphan(t, { base, ledger, calls }, { cwd, execArgv: ['--import', hook] });
  unlinkSync(hook);
  rmdirSync(cwd);
}

/** Sweeps in a process of its own, and returns its report (for `open`, that of the sweep before the job). */
export async function sweepElsewhere(
  t: TestContext,
  plan: SweeperPlan,
  options: ChildOptions = {},
): Promise<SweepReport> {
  const child = startChild(t, 'job-sweeper', { ...options, args: [JSON.stringify(plan)] });
  const report = await child.next<SweepReport>();
  await child.closed;
  return report;
}

/** How long a process that has ended may take to lose its locks. */
const FREED_WITHIN_MS = 30_000;

/**
 * Sweeps when a process that is about to end, or has, holds no lock any more: the kernel closes its descriptors one after
 * the other, and the end of a pipe does not tell of the next one.
 * @param live - how many others live on
 */
export async function sweepFreed(
  base: string,
  { live = 0, lock }: { live?: number; lock?: 'flock' | 'ofd' } = {},
): Promise<SweepReport> {
  const until = performance.now() + FREED_WITHIN_MS;
  for (;;) {
    const report = await sweep(base, { logger: null, lock, retryDelayMs: 0 });
    const { live: owners, held, sweeping } = report;
    if (owners + held + sweeping <= live || performance.now() > until) return report;
    await sleep(10);
  }
}

/** Runs the command line to its end. */
export async function cli(
  ...args: string[]
): Promise<Pick<SpawnSyncReturns<string>, 'status' | 'stdout' | 'stderr'>> {
  const child = spawn(process.execPath, [commandLinePath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}
