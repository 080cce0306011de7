/** A watch in this process, and a way to wait for what it reports. */
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FunctionReport, type SweepReport, type WatchOptions, watch } from '#dist/index.js';

/** No test here waits for the look at everything: what a watch does in time, it does because it was told. */
const NEVER_MS = 2 ** 31 - 1;

/** No report for this long means a hang, not a slow machine. */
const HANG_MS = 60_000;

export interface Watching {
  readonly reports: readonly SweepReport[];
  readonly ran: readonly FunctionReport[];
  /** Resolves when this holds of the reports so far; rejects when the watch ends before. */
  until(holds: (watching: Watching) => boolean): Promise<void>;
  /** Ends it, and resolves when it has ended. */
  end(): Promise<void>;
}

export function startWatching(t: TestContext, base: string, options: WatchOptions = {}): Watching {
  const abort = new AbortController();
  const reports: SweepReport[] = [];
  let wake = (): void => {};
  const ended = watch(base, {
    logger: null,
    pollMs: NEVER_MS,
    ...options,
    signal: abort.signal,
    onReport: report => {
      reports.push(report);
      wake();
    },
  });
  const hasEnded = ended.then(() => {
    throw new Error('the watch has ended');
  });
  hasEnded.catch(() => {});
  const watching: Watching = {
    reports,
    get ran() {
      return reports.flatMap(({ files }) => files.flatMap(({ functions }) => functions));
    },
    async until(holds) {
      while (!holds(watching)) {
        const news = new Promise<void>(resolve => {
          wake = resolve;
        });
        const hung = new AbortController();
        await Promise.race([
          news,
          hasEnded,
          sleep(HANG_MS, undefined, { signal: hung.signal }).then(() => {
            throw new Error(`nothing more was reported, and still not: ${holds}`);
          }),
        ]).finally(() => hung.abort());
      }
    },
    async end() {
      abort.abort();
      await ended;
    },
  };
  t.after(() => watching.end().catch(() => {}));
  return watching;
}
