/** What becomes of files that a runner had, or that none can have. `docs/protocol.md`, Sweep, step 5. */
import type { ReportedError } from '../../log/records.ts';
import type { FunctionReport } from '../../report/report.ts';
import type { StopCondition } from '../../stop.ts';
import type { Looker } from '../look.ts';
import type { Candidate } from '../look-outcome.ts';
import type { ReportBook } from '../report-book.ts';
import type { LaunchQueue } from './launch-queue.ts';
import { leftByRunners, unheard, whyItDied } from './runner-death.ts';
import type { RunnerEnd } from './runner-process.ts';

/** Looks at one file in a row that may find nothing new. */
const MOST_FRUITLESS_LOOKS = 5;

export class Aftermath {
  readonly #looker: Looker;
  readonly #book: ReportBook;
  readonly #stop: StopCondition;
  /** Looks in a row that found nothing new, by path. */
  readonly #fruitless = new Map<string, number>();

  constructor(looker: Looker, book: ReportBook, stop: StopCondition) {
    this.#looker = looker;
    this.#book = book;
    this.#stop = stop;
  }

  /** Sees to a file that a runner had. Returns whether the runner did something with it. @param end - if it is dead */
  async settle(queue: LaunchQueue, candidate: Candidate, end?: RunnerEnd): Promise<boolean> {
    const book = this.#book;
    if (book.isUnclear(candidate.path, end !== undefined)) return this.#lookAgain(queue, candidate, end);
    if (end) this.#endBegun(candidate, end, []);
    // A new file may get its inode number.
    if (book.settle(candidate.path)) this.#looker.forget(candidate.inode);
    return true;
  }

  /** Looks again at a file that a runner left. True if more of its functions were tried than before. */
  async #lookAgain(queue: LaunchQueue, before: Candidate, end?: RunnerEnd): Promise<boolean> {
    const looker = this.#looker;
    const book = this.#book;
    looker.forget(before.inode);
    const look = await looker.look(before.name, { isPatienceOver: true });
    if (end) this.#endBegun(before, end, 'report' in look ? look.report.functions : []);
    switch (look.kind) {
      case 'candidate': {
        const hasMore = look.report.functions.length > before.report.functions.length;
        const fruitless = hasMore ? 0 : (this.#fruitless.get(look.path) ?? 0) + 1;
        this.#fruitless.set(look.path, fruitless);
        if (fruitless > MOST_FRUITLESS_LOOKS) this.giveBack(look, leftByRunners(look));
        else if (this.#stop.isReached) this.leave(look);
        else queue.waiting.unshift(look);
        return hasMore;
      }
      case 'done':
      case 'locked':
        // Two sweeps that take a file from each other could go on with that for ever.
        if (look.kind === 'locked') looker.leaveToOthers(before.inode);
        // What was known of it stays.
        if (look.report.error && look.report.outcome === 'refused')
          book.fail(before.report, look.report.error);
        else book.note(look.report);
        return look.report.functions.length > before.report.functions.length;
      default:
        book.vanished(before.path, end?.unheard === undefined ? undefined : unheard(before, end.unheard));
        return false;
    }
  }

  #endBegun({ path }: Candidate, end: RunnerEnd, marked: readonly FunctionReport[]): void {
    // What was not heard may have ended well. If the file is there, its marks say so.
    if (end.unheard === undefined) this.#book.endBegun(path, name => whyItDied(name, end), marked);
  }

  /** Writes a failed attempt for each function, because no runner begins one. */
  async failAttempts(queue: LaunchQueue, failure: ReportedError): Promise<void> {
    const looker = this.#looker;
    const book = this.#book;
    for (const candidate of queue.waiting.splice(0)) {
      candidate.release();
      looker.forget(candidate.inode);
      const look = await looker.look(candidate.name, { isPatienceOver: true, failure });
      if (look.kind === 'done' || look.kind === 'locked') book.note(look.report);
      else if (look.kind === 'candidate') this.giveBack(look, leftByRunners(look));
    }
  }

  /** A later sweep runs its functions. */
  leave(candidate: Candidate): void {
    candidate.release();
    this.#book.leave(candidate.report);
  }

  /** As {@link leave}, for a reason that the report gives. */
  giveBack(candidate: Candidate, error: ReportedError): void {
    candidate.release();
    this.#book.fail(candidate.report, error);
  }
}
