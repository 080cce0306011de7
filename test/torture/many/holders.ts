/**
 * Who has the lock of a job beside its owner: children of its process that have a copy of the descriptor. Noted in a
 * file of that process, because a child may be forked after a function was registered.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import type { ProcessName } from '../../helpers/process-life.ts';

interface Holder {
  readonly holder: ProcessName;
  readonly jobs: readonly string[];
}

/** The holder keeps the locks of these jobs of the owner's until it ends. Not noted where the owner dies before. */
export function noteHolder(log: string, owner: ProcessName, noted: Holder): void {
  appendFileSync(fileOf(log, owner), `${JSON.stringify(noted)}\n`);
}

/** Who must be gone before an orphan of this job is run: its owner first. */
export function holdersOf(log: string, owner: ProcessName, job: string): ProcessName[] {
  const noted = linesOf(fileOf(log, owner)).map(line => JSON.parse(line) as Holder);
  return [owner, ...noted.filter(({ jobs }) => jobs.includes(job)).map(({ holder }) => holder)];
}

function fileOf(log: string, { pid, start }: ProcessName): string {
  return `${log}-holders-${pid}-${start}`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    // Nobody but the owner.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
