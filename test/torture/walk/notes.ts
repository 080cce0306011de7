/** What the scenarios defer: functions that write their name into a ledger, and whether they ran when they may. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { currentInvocation } from '#dist/index.js';

/** The name in the environment of every process of a scenario; its value is the scenario's base directory. */
export const BASE = 'TORTURE_BASE';

/** Another one, of a life: a process that is started anew has another, its children have the same. */
export const LIFE = 'TORTURE_LIFE';

/** Instead of {@link BASE} in what a scenario starts for its functions to end; its value is the base directory, too. */
export const TREE = 'TORTURE_TREE';

/** Says, to every process, that the job of this function is open: it must not run yet. */
export function hold(ledger: string, name: string): void {
  mkdirSync(`${ledger}.held`, { recursive: true });
  writeFileSync(join(`${ledger}.held`, name), '');
}

/** From now on these may run, or all of them. */
export function release(ledger: string, ...names: string[]): void {
  for (const path of names.length > 0 ? names.map(name => join(`${ledger}.held`, name)) : [`${ledger}.held`])
    rmSync(path, { recursive: true, force: true });
}

/**
 * `own`: run by its owner, when it was asked to. `early`: by its owner before that. `orphan`: by another process, its
 * owner being gone. `stolen`: by another process while its owner lived and had not ended the job.
 */
export type Circumstance = 'own' | 'early' | 'orphan' | 'stolen';

/** Writes one line: the name, and in which circumstance it ran. */
export function note(ledger: string, name: string, life: string): void {
  appendFileSync(ledger, `${name} ${circumstance(ledger, name, life)}\n`);
}

/** Writes the line and fails. */
export function noteAndFail(ledger: string, name: string, life: string): never {
  note(ledger, name, life);
  throw new Error(`${name} fails whenever it runs`);
}

/** Writes the line and ends its process. */
export function noteAndDie(ledger: string, name: string, life: string): void {
  note(ledger, name, life);
  process.kill(process.pid, 'SIGKILL');
}

export interface Line {
  readonly name: string;
  readonly circumstance: string;
}

/** The lines of a ledger, in the order in which functions wrote them. */
export function readLedger(path: string): Line[] {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  return lines.map(line => {
    const [name = '', circumstance = ''] = line.split(' ');
    return { name, circumstance };
  });
}

function circumstance(ledger: string, name: string, life: string): Circumstance {
  const owner = currentInvocation()?.owner;
  if (!owner) throw new Error('not run by deferred-sweep');
  const isHeld = existsSync(join(`${ledger}.held`, name));
  if (owner.pid === process.pid && life === process.env[LIFE]) return isHeld ? 'early' : 'own';
  return isHeld && holdsDescriptors(owner.pid, life) ? 'stolen' : 'orphan';
}

/**
 * Whether the owner still has its descriptors, and so its locks: a dying process loses them before it is gone. By its
 * environment, since the number may be another process's by now.
 */
function holdsDescriptors(pid: number, life: string): boolean {
  try {
    const isOwner = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${LIFE}=${life}`);
    return isOwner && readdirSync(`/proc/${pid}/fd`).length > 0;
  } catch {
    // Gone, in one step or the other.
    return false;
  }
}
