/** What a scenario must not leave: processes, descriptors, files. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { replay } from '#dist/log/replay.js';
import { restore } from '#dist/value/decode.js';
import { BASE } from './notes.ts';

/** Nothing else tells when a runner ends that outlived its sweeper. */
const LOOK_AGAIN_MS = 10;

/** Where a scenario runs, and as whom: {@link Lane}. */
interface Where {
  readonly base: string;
  readonly scenario: { readonly user?: number };
}

/** The processes of the scenario in this base directory; of one for a user all that the user has. */
export function processesOf({ base, scenario: { user } }: Where): number[] {
  return processes().filter(pid =>
    lookAt(
      () =>
        readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${BASE}=${base}`) ||
        (user !== undefined && isUsers(readFileSync(`/proc/${pid}/status`, 'latin1'), user)),
      false,
    ),
  );
}

/** Not one that is dead, and that its parent has not asked for. */
function isUsers(status: string, user: number): boolean {
  return new RegExp(`^Uid:\\s+${user}\\b`, 'm').test(status) && !/^State:\s+[ZX]/m.test(status);
}

/** Resolves when none of them is left, or the time is up. */
export async function processesGone(where: Where, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  while (performance.now() < until && processesOf(where).length > 0) await sleep(LOOK_AGAIN_MS);
}

/** Each with its arguments and the system call it is in. */
export function describeProcesses(where: Where): string {
  const read = (pid: number, name: string): string =>
    lookAt(() => readFileSync(`/proc/${pid}/${name}`, 'latin1'), '');
  return processesOf(where)
    .map(
      pid =>
        `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ')} in ${read(pid, 'wchan')} ${read(pid, 'syscall')}`,
    )
    .join('; ');
}

/**
 * Every one of them is dead, those included that they had begun to start. Others have their turn meanwhile: one that is
 * traced dies only when its tracer goes on, which may wait for us to read what it said.
 */
export async function killProcesses(where: Where): Promise<void> {
  for (let pids = processesOf(where); pids.length > 0; pids = processesOf(where)) {
    for (const pid of pids) lookAt(() => process.kill(pid, 'SIGKILL'), false);
    await setImmediate();
  }
}

/** Descriptors of these processes, by default all there are, on files under the base directory. */
export function descriptorsUnder(base: string, pids: readonly number[] = processes()): string[] {
  return pids.flatMap(pid =>
    lookAt(() => readdirSync(`/proc/${pid}/fd`), [])
      .map(fd => lookAt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''))
      .filter(path => path.startsWith(base))
      .map(path => `${path} of pid ${pid}`),
  );
}

export interface Leftovers {
  /** Paths below the state directory, but for dead letters. */
  readonly files: readonly string[];
  /** The names of the functions that were given up. */
  readonly letters: readonly string[];
  /** Files set aside whole. */
  readonly damaged: readonly string[];
}

export function leftoversOf(base: string): Leftovers {
  const directory = join(base, 'deferred');
  const all = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  const dead = all.filter(path => path.startsWith('dead/') && !path.endsWith('.tmp'));
  const damaged = dead.filter(path => path.endsWith('.damaged'));
  const letters = dead
    .filter(path => !path.endsWith('.damaged'))
    .flatMap(path => namesIn(join(directory, path)));
  const files = all.filter(path => !dead.includes(path) && !(path === 'dead' && dead.length > 0));
  return { files, letters, damaged };
}

function namesIn(letter: string): string[] {
  const { functions } = replay(readFileSync(letter));
  return [...functions.values()].map(({ record }) => nameOf(record.arguments));
}

/** The names of all functions in the state files of a directory, by the name of their file and their number in it. */
export function functionsIn(directory: string): Map<string, string> {
  const files = existsSync(directory) ? readdirSync(directory).filter(name => name !== 'dead') : [];
  return new Map(
    files.flatMap(file =>
      [...replay(readFileSync(join(directory, file))).functions.values()].map(
        ({ record }) => [`${file} ${record.id}`, nameOf(record.arguments)] as const,
      ),
    ),
  );
}

function nameOf(args: Parameters<typeof restore>[0]): string {
  return String((restore(args) as unknown[])[1]);
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** Processes end while one looks at them. */
function lookAt<T>(look: () => T, gone: T): T {
  try {
    return look();
  } catch {
    return gone;
  }
}
