/** One run of a scenario's program, tortured. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { sweep } from '#dist/index.js';
import { limitFileSize } from '../../helpers/file-size-limit.ts';
import { type Attached, attachStrace } from '../../helpers/strace.ts';
import { sweepHere } from '../../helpers/sweep-here.ts';
import type { Lane } from './lane.ts';
import { BASE, LIFE, type Line, readLedger } from './notes.ts';
import { CALLS, isInjected, isOurs } from './points.ts';
import { describeProcesses, killProcesses, processesGone } from './processes.ts';
import { PROGRAM } from './program.ts';

/** No end for this long means a hang, not a slow machine. */
const HANG_MS = 90_000;
/** A runner whose sweeper is dead has nothing to wait for. */
const RUNNER_ENDS_MS = 20_000;

/** What is done to the program. */
export interface Torture {
  /** strace(1) -e inject=…, each of another kind of call: of two for one kind strace takes the last. Nothing: traced only. */
  readonly injections?: readonly string[];
  /** RLIMIT_FSIZE: a write across it is short, one behind it fails. */
  readonly fileSizeLimit?: number;
}

export interface Ended {
  /** What the program told, line by line. */
  readonly told: readonly string[];
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What its processes waited for when it had hung for too long. */
  readonly hangingProcesses: string | undefined;
  /** The victim's system calls. */
  readonly trace: readonly string[];
  /** What had run when the program was gone. */
  readonly atDeath: readonly Line[];
}

export async function run(lane: Lane, torture: Torture): Promise<Ended> {
  lane.reset();
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const [file, ...args] = [...lane.namespace, process.execPath, PROGRAM, 'run', lane.path, lane.base];
  const child = spawn(file!, args, {
    stdio: 'pipe',
    cwd: lane.root,
    env: { ...env, [BASE]: lane.base, [LIFE]: randomUUID() },
  });
  const kills: Promise<void>[] = [];
  const killAll = (): void => void kills.push(killProcesses(lane));
  let hangingProcesses: string | undefined;
  const timer = setTimeout(() => {
    hangingProcesses = describeProcesses(lane);
    killAll();
  }, HANG_MS);
  const told: string[] = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<true>(resolve => {
    lines.on('line', line => (line === 'ready' ? resolve(true) : told.push(line)));
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const closed = once(child, 'close');
  const isReady = (await Promise.race([ready, closed])) === true;
  if (!isReady) throw new Error(`the program ended before it was tortured: ${await exited}: ${stderr}`);
  const siege = lane.scenario.isBesieged ? besiege(lane.base, exited) : undefined;
  const trace: string[] = [];
  const traced = await letGo(lane, child, torture, exited, trace, killAll);
  const [code, signal] = await exited;
  if (lane.scenario.children === 'die') await killProcesses(lane);
  const atDeath = readLedger(lane.ledger);
  // A child of the killed may live, with the lock: this must not run what that is running.
  if (signal !== null && lane.scenario.user === undefined) await sweepHere(lane.base);
  await Promise.all([closed, traced.ended, siege]);
  // A runner that outlives its sweeper finishes the function it is in.
  await processesGone(lane, RUNNER_ENDS_MS);
  clearTimeout(timer);
  // It looks for processes by the base directory, which those of the next trial have, too.
  await Promise.all(kills);
  return { told, stderr, code, signal, hangingProcesses, trace, atDeath };
}

/** Attaches to the victim, which waits for it, and lets it go. */
async function letGo(
  lane: Lane,
  child: ChildProcess,
  torture: Torture,
  exited: Promise<unknown>,
  trace: string[],
  killAll: () => void,
): Promise<Attached> {
  if (!lane.isGated) {
    const victim = lane.namespace.length > 0 ? onlyChildOf(child.pid!) : child.pid!;
    return attach(lane, victim, torture, trace, killAll, () => void child.stdin?.end('x'));
  }
  child.stdin?.end('x');
  // Resolves when the child that runs functions has come to its gate.
  const arrived = open(lane.gate, 'w');
  const gate = await Promise.race([arrived, exited.then(() => undefined)]);
  if (gate === undefined) {
    // There was no such child: let our own open(2) return.
    const reader = await open(lane.gate, 'r+');
    await (await arrived).close();
    await reader.close();
    return { ended: Promise.resolve() };
  }
  rmSync(lane.gate);
  const traced = attach(
    lane,
    Number(readFileSync(lane.runnerPid, 'utf8')),
    torture,
    trace,
    killAll,
    () => void gate.write('x').then(() => gate.close()),
  );
  return traced;
}

function onlyChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1'));
}

async function attach(
  lane: Lane,
  pid: number,
  { injections = [], fileSizeLimit }: Torture,
  trace: string[],
  killAll: () => void,
  go: () => void,
): Promise<Attached> {
  if (fileSizeLimit !== undefined) limitFileSize(pid, fileSizeLimit);
  const tampering = injections.flatMap(injection => ['-e', `inject=${injection}`]);
  // Undisturbed, everything is looked at: the program may make calls that nobody thought of.
  const isUndisturbed = injections.length === 0 && fileSizeLimit === undefined;
  const options = ['-y', '-s', '0', '-e', `trace=${isUndisturbed ? 'all' : CALLS}`, ...tampering];
  const attached = await attachStrace(pid, options, line => {
    trace.push(line);
    // What was hit instead is Node's own, such as the pipe its signals come through: it may hang without it.
    if (isInjected(line) && !isOurs(line, lane.base)) killAll();
  });
  go();
  return attached;
}

/** Sweeps again and again until the program has ended. */
async function besiege(base: string, exited: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    await sweep(base, { logger: null, retryDelayMs: 0 });
    await setImmediate();
  }
}
