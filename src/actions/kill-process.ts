import { DeferredSweepError } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import { isThisBoot, ownIdentity } from '../lock/process-identity.ts';
import { readProcess } from '../native/process-table.ts';
import { milliseconds } from '../sweep/options.ts';
import { KILLED_WITHIN_MS, ProcessGroup } from './process-group.ts';

/** One process of one boot of one machine: no later one is ever taken for it. Made by {@link identifyProcess}. */
export interface ProcessIdentity {
  readonly pid: number;
  /** See `ProcessEntry`. */
  readonly start: number;
  readonly bootId: string | null;
  readonly pidNamespace: string | null;
}

export interface KillProcessOptions {
  /** Sent first. @defaultValue 'SIGTERM' */
  signal?: NodeJS.Signals | undefined;
  /** Between it and SIGKILL, in milliseconds. @defaultValue 5000 */
  killGraceMs?: number | undefined;
}

/**
 * Names the process that has this pid now, for {@link killProcess}.
 * @throws DeferredSweepError `DEFERRED_ACTION_FAILED` when there is none
 */
export function identifyProcess(pid: number): ProcessIdentity {
  const entry = readProcess(pid);
  if (entry === undefined)
    throw new DeferredSweepError(
      'DEFERRED_ACTION_FAILED',
      `cannot identify process ${pid}: no process has this pid; identify it while it runs`,
    );
  const { bootId, pidNamespace } = ownIdentity();
  return { pid, start: entry.start, bootId, pidNamespace };
}

/**
 * Resolves when the process has ended. For `defer`: already ended is success, and so are a restart of the machine and a
 * pid that another process has by now.
 * @throws DeferredSweepError `DEFERRED_ACTION_REFUSED` for this process, `DEFERRED_UNSUPPORTED` in another PID namespace,
 * `DEFERRED_ACTION_FAILED` when it may not be signalled, or does not end
 */
export async function killProcess(
  identity: ProcessIdentity,
  options: KillProcessOptions = {},
): Promise<void> {
  requireKnown(options, ['signal', 'killGraceMs']);
  const killGraceMs = milliseconds('killGraceMs', options.killGraceMs ?? 5000);
  if (isThisBoot(identity.bootId) === false) return;
  if (identity.pidNamespace !== ownIdentity().pidNamespace)
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      `cannot tell process ${identity.pid} of the PID namespace ${identity.pidNamespace}: this process is in another; sweep there`,
    );
  const entry = readProcess(identity.pid);
  if (entry === undefined || entry.start !== identity.start) return;
  if (entry.pid === process.pid)
    throw new DeferredSweepError(
      'DEFERRED_ACTION_REFUSED',
      `will not kill process ${entry.pid}: it is this one`,
    );
  const group = new ProcessGroup();
  try {
    group.add([entry]);
    if (await group.terminate(options.signal ?? 'SIGTERM', killGraceMs)) return;
    group.send('SIGKILL');
    if (await group.hasEnded(KILLED_WITHIN_MS)) return;
    const why = group.refused.get(entry.pid) ?? 'it did not end of SIGKILL';
    throw new DeferredSweepError('DEFERRED_ACTION_FAILED', `cannot end process ${entry.pid}: ${why}`);
  } finally {
    group.close();
  }
}
