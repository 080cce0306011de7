/** One sweep of a pool: takes orphans over, one by one, and runs what it has handlers for. */
import { unlessAborted } from '../stop.ts';
import type { ResolvedClusterOptions } from './options.ts';
import { type ClusterReport, type OwnerReport, ownerId, summarizeOwners } from './report.ts';
import { failureOf, OwnerRun, runnerName } from './run-owner.ts';
import type { Orphan } from './session/messages.ts';
import { CallFailure, type Session } from './session/session.ts';

/** How many orphans are asked for at once: at random, so that sweepers do not all want the same. */
const BATCH = 20;

/**
 * @param startMs - of what the report counts from
 * @throws CallFailure when the server could not be asked for orphans
 */
export async function sweepPool(
  session: Session,
  options: ResolvedClusterOptions,
  stop: AbortSignal,
  startMs: number,
): Promise<ClusterReport> {
  const { pool, callTimeoutMs } = options;
  const handlers = Object.keys(options.handlers);
  const seen = new Set<string>();
  const owners: OwnerReport[] = [];
  let isCut = false;
  const end = (isComplete: boolean) => summarizeOwners(pool, owners, isComplete, startMs);
  for (;;) {
    if (stop.aborted) return end(false);
    const asked = session.call('orphans', { pool, handlers, limit: BATCH }, callTimeoutMs);
    const answer = await unlessAborted(asked, stop);
    if (answer === undefined) return end(false);
    const fresh = answer.value.filter(orphan => !seen.has(orphan.key));
    if (fresh.length === 0) return end(!isCut);
    for (const orphan of fresh) {
      if (stop.aborted) return end(false);
      seen.add(orphan.key);
      const report = await takeOver(session, options, orphan, stop);
      if (report === undefined) isCut = true;
      else if (report !== null) owners.push(report);
    }
  }
}

/** Null where another process was faster; undefined where the connection was lost: a later sweep finds out. */
async function takeOver(
  session: Session,
  options: ResolvedClusterOptions,
  orphan: Orphan,
  stop: AbortSignal,
): Promise<OwnerReport | null | undefined> {
  const { key } = orphan;
  const { graceMs, restartGraceMs, callTimeoutMs } = options;
  try {
    const request = { orphan, by: runnerName(), graceMs, restartGraceMs };
    const { value: taken } = await session.call('takeOver', request, callTimeoutMs);
    if (taken === null) return null;
    return await new OwnerRun(session, options, { ...taken, key, isOrphaned: true }).run(stop);
  } catch (error) {
    if (error instanceof CallFailure && error.failure.reason !== 'statement') return undefined;
    return { id: ownerId(key), outcome: 'refused', functions: [], pending: 0, error: failureOf(error) };
  }
}
