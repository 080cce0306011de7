/**
 * Ending all processes that have a token, and all below them:
 *
 * 1. Stop what is found, parents before children, until nothing new is found: from then on none of them starts another.
 * 2. SIGTERM, then SIGCONT, to all: each may clean up after itself.
 * 3. After a grace, SIGKILL to what is left and what has been started meanwhile, until nothing is found.
 *
 * If this process dies in the middle, they may stay stopped; the next attempt finds them.
 */
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { DeferredSweepError } from '../errors.ts';
import { isThisBoot, ownIdentity } from '../lock/process-identity.ts';
import { type Found, findMarked } from './marked-processes.ts';
import { KILLED_WITHIN_MS, ProcessGroup } from './process-group.ts';
import { createToken } from './token.ts';

/** Which processes {@link endProcesses} ends, and how. Made by {@link describeMarked}. */
export interface MarkedProcesses {
  readonly token: string;
  /** Of the machine where they were started; null: unknown. After another boot there are none. */
  readonly bootId: string | null;
  /** Of the process that started them; null where there are none (macOS). */
  readonly pidNamespace: string | null;
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly killGraceMs: number;
}

/** Rounds of looking and stopping: each finds at least one more generation. */
const MOST_ROUNDS = 50;
/** The first PID namespace, which sees the processes of all others: PROC_PID_INIT_INO of <linux/proc_ns.h>. */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';

/** What {@link endProcesses} has to know of processes that this one is about to start with a new token. */
export function describeMarked(killGraceMs: number): MarkedProcesses {
  const { bootId, pidNamespace } = ownIdentity();
  return { token: createToken(), bootId, pidNamespace, killGraceMs };
}

/**
 * Resolves when no process has the token, and none is left that was below one. Never signals this process and its
 * ancestors. For `defer`: none left is success.
 * @throws DeferredSweepError `DEFERRED_ACTION_FAILED` naming the processes that are left: other users', some that did not
 * end of SIGKILL, this process itself; `DEFERRED_UNSUPPORTED` where the processes cannot be seen
 */
export async function endProcesses(marked: MarkedProcesses): Promise<void> {
  if (isThisBoot(marked.bootId) === false) return;
  requireSight(marked.pidNamespace);
  const group = new ProcessGroup();
  try {
    const isEmpty = await stopAll(marked.token, group);
    if (isEmpty) return;
    await group.terminate('SIGTERM', marked.killGraceMs, async () => {
      // What they start to clean up: below them now, and perhaps not any more when they have ended.
      const { processes } = await findMarked(marked.token, group.living());
      group.send('SIGTERM', group.add(processes));
    });
    requireNone(await killAll(marked.token, group), group);
  } finally {
    group.close();
  }
}

function requireSight(namespace: string | null): void {
  const own = ownIdentity().pidNamespace;
  if (namespace === own || namespace === null || own === INITIAL_PID_NAMESPACE) return;
  throw new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot see the processes of the PID namespace ${namespace} from ${own ?? 'here'} on ${hostname()}: ` +
      'sweep in the container where they were started, or on its host',
  );
}

/** Returns whether there was nothing to stop, nor anything to spare. */
async function stopAll(token: string, group: ProcessGroup): Promise<boolean> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { processes, spared } = await findMarked(token, group.living());
    group.send('SIGSTOP', group.add(processes));
    if (processes.length === 0) return spared.length === 0;
    if (processes.every(entry => group.has(entry))) return false;
  }
  return false;
}

async function killAll(token: string, group: ProcessGroup): Promise<Found> {
  const untilMs = performance.now() + KILLED_WITHIN_MS;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 100)) {
    const found = await findMarked(token, group.living());
    // Nothing found, and not: nothing left of what was found, which may have started another before its end.
    if (found.processes.length === 0 || performance.now() > untilMs) return found;
    group.add(found.processes);
    group.send('SIGKILL');
    await setTimeout(pauseMs);
  }
}

function requireNone({ processes, spared }: Found, group: ProcessGroup): void {
  const left = [
    ...processes.map(({ pid }) => `${pid} (${group.refused.get(pid) ?? 'did not end of SIGKILL'})`),
    ...spared.map(
      ({ pid }) => `${pid} (${pid === process.pid ? 'this process' : 'an ancestor of this one'})`,
    ),
  ];
  if (left.length === 0) return;
  throw new DeferredSweepError(
    'DEFERRED_ACTION_FAILED',
    `cannot end all processes of the job: left are ${left.join(', ')}; sweep as their user, from outside of the job`,
  );
}

/** Whether no process has the token, nor is below one that has. */
export async function areAllGone({ token }: MarkedProcesses): Promise<boolean> {
  const { processes, spared } = await findMarked(token);
  return processes.length + spared.length === 0;
}
