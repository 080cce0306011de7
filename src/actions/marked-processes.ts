/** Finding the processes that have a token, and those below them. */
import { setTimeout } from 'node:timers/promises';
import {
  isAlive,
  type ProcessEntry,
  readEnvironment,
  readProcessTable,
  withDescendants,
} from '../native/process-table.ts';
import { hasToken } from './token.ts';

export interface Found {
  /** Those with the token in their environment, and all below one of these or of `roots`. */
  readonly processes: readonly ProcessEntry[];
  /** This process and its ancestors, where they are among them: never in `processes`. */
  readonly spared: readonly ProcessEntry[];
}

/** How long what may have been missed is looked for. */
const LOOK_MS = 2_000;
/** Pauses between two looks. Their sum is longer than execve(2), in which the environment of a process is empty. */
const [SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS] = [1, 20];
/** A process whose environment is empty in so many looks was started with none. */
const EMPTY_LOOKS = 3;

/**
 * Looks until it finds something, or may say that there is nothing: no process ended during the last look, which may have
 * started another first, and none was just starting another program. Where processes come and go all the time, for two
 * seconds.
 * @param roots - processes known to belong here, whose children do, too
 */
export async function findMarked(token: string, roots: readonly ProcessEntry[] = []): Promise<Found> {
  const untilMs = performance.now() + LOOK_MS;
  const look = new Look(token);
  for (let pauseMs = SHORTEST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const isCertain = await look.again();
    const found = look.found(roots);
    if (isCertain || found.processes.length > 0 || performance.now() > untilMs) return found;
    await setTimeout(pauseMs);
  }
}

/** What several looks have seen; each reads only what none before has. */
class Look {
  readonly #token: string;
  readonly #seen = new Map<number, ProcessEntry>();
  readonly #marked: ProcessEntry[] = [];
  readonly #ended = new Set<number>();
  /** In how many looks the environment of a process was empty. */
  readonly #empty = new Map<number, number>();

  constructor(token: string) {
    this.#token = token;
  }

  /** Returns whether it can have missed nothing. */
  async again(): Promise<boolean> {
    let isCertain = true;
    const ended = await readProcessTable(
      entry => {
        if (!this.#see(entry)) isCertain = false;
      },
      pid => this.#seen.has(pid),
    );
    // One that had ended before the last look, too, waits to be reaped, and starts nothing.
    if (ended.some(pid => !this.#ended.has(pid))) isCertain = false;
    for (const pid of ended) this.#ended.add(pid);
    return isCertain;
  }

  found(roots: readonly ProcessEntry[]): Found {
    const known = roots.filter(root => this.#seen.get(root.pid)?.start === root.start);
    const all = withDescendants([...this.#marked, ...known], [...this.#seen.values()]);
    const untouchable = ancestors(process.pid, this.#seen);
    return {
      processes: all.filter(({ pid }) => !untouchable.has(pid)),
      spared: all.filter(({ pid }) => untouchable.has(pid)),
    };
  }

  /** Returns whether the process need not be looked at again. */
  #see(entry: ProcessEntry): boolean {
    const environment = entry.isKernel ? undefined : readEnvironment(entry.pid);
    // One may not read it, or the process has just ended, and may have started another first.
    if (environment === undefined && !isAlive(entry)) return false;
    if (environment === '') {
      const looks = (this.#empty.get(entry.pid) ?? 0) + 1;
      this.#empty.set(entry.pid, looks);
      if (looks < EMPTY_LOOKS) return false;
    }
    this.#seen.set(entry.pid, entry);
    if (environment !== undefined && hasToken(environment, this.#token)) this.#marked.push(entry);
    return true;
  }
}

/** A process, its parent, and so on, and pid 1. */
function ancestors(pid: number, byPid: ReadonlyMap<number, ProcessEntry>): ReadonlySet<number> {
  const found = new Set([1]);
  for (let at: number | undefined = pid; at !== undefined && at > 0 && !found.has(at); ) {
    found.add(at);
    at = byPid.get(at)?.parent;
  }
  return found;
}
