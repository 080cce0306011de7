/** `deferred-sweep cluster`, run to its end, and what its tests leave for it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ClusterOperator } from '#dist/postgres/operate.js';
import { commandLinePath } from '../command-line.ts';
import type { Pool } from './pool.ts';

/** @param url - of the server, with the role */
export function runClusterCommandLine(args: readonly string[], url: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [commandLinePath, 'cluster', ...args], {
    encoding: 'utf8',
    env: { DEFERRED_SWEEP_POSTGRES: url },
    timeout: 60_000,
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  return { status, stdout, stderr };
}

/** Writes a module of handlers beside the pool's ledger. Returns its path. */
export function writeHandlers(pool: Pool, text: string): string {
  const path = join(dirname(pool.ledger.path), 'handlers.mjs');
  writeFileSync(path, text);
  return path;
}

/** Leaves a function `fail` for a sweep: a dead letter that has its attempts again. @param connectionString - with the role of an operator */
export async function leaveRetried(
  pool: Pool,
  connectionString: string,
  options: { timeoutMs?: number } = {},
): Promise<void> {
  const job = await pool.manager({ maxAttempts: 1, ...options }).open();
  await job.defer('fail', pool.ledger.path, 'a');
  await job.close();
  const operator = await ClusterOperator.connect({ connectionString }, '"deferred_sweep"', pool.name, 60_000);
  const { outcome } = await operator.change('retry', { id: `${job.id}.1`, name: 'fail' });
  assert.equal(outcome, 'retried');
  await operator.end();
}
