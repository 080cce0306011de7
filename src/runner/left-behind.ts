/**
 * What functions left behind in their runner when they settled: a file operation, a timer or a child that they did not wait for.
 * At the end of its own job such a thing goes on while the owner lives. So it has some time here, too.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { isSystemError } from '../errors.ts';

/** Nothing tells when it has ended: it is looked at so often. */
const LOOK_MS = 5;
/** Many a client leaves its connection open. That does nothing by itself. */
const IDLE = /(Socket|Server)Wrap$|^(TLS|Pipe|TTY|UDP)Wrap$/i;

/** So many descriptors may functions leave open: the next ones need some, under a low `ulimit -n` too. */
const MOST_OPEN = 32;
/** V8's limit is of both generations. What is kept gets into the old one; the young one has up to 3 * 64 MiB (Node 24). */
const MOST_YOUNG_BYTES = 192 * 1024 * 1024;

export class LeftBehind {
  /** What the owner's loaders keep. */
  readonly #atStart = countActive();
  readonly #freeAtStart = lowestFree();

  /** True if something is left that keeps the event loop alive. */
  get isThere(): boolean {
    return this.#kinds().length > 0;
  }

  /** True where functions left many descriptors open. Asked while no number below was just freed: a file of ours is open. */
  get keepsOpen(): boolean {
    return lowestFree() - this.#freeAtStart > MOST_OPEN;
  }

  /** True where what is kept fills half of its generation. A function of another owner could die of that. */
  get fillsHeap(): boolean {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return used > Math.max((limit - MOST_YOUNG_BYTES) / 2, limit / 8);
  }

  /** Resolves when nothing is under way any more, or after this time. */
  async waitFor(graceMs: number): Promise<void> {
    const endMs = performance.now() + graceMs;
    while (this.#kinds().some(kind => !IDLE.test(kind)) && performance.now() < endMs) await sleep(LOOK_MS);
  }

  #kinds(): string[] {
    return [...countActive()]
      .filter(([kind, count]) => count > (this.#atStart.get(kind) ?? 0))
      .map(([kind]) => kind);
  }
}

/** The number that open(2) gives out next. */
function lowestFree(): number {
  try {
    const fd = openSync('/', constants.O_RDONLY);
    closeSync(fd);
    return fd;
  } catch (error) {
    // Under Node's permission model nothing is known.
    return isSystemError(error, 'EMFILE') ? Number.POSITIVE_INFINITY : 0;
  }
}

function countActive(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
