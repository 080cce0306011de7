/** What becomes of files that a runner had, or that none can have. `docs/protocol.md`, Sweep, step 5. */
import type { ReportedError } from '../../log/records.ts';
import { reportOf } from '../../report/reported-error.ts';
import type { Looker } from '../look.ts';
import type { Candidate } from '../look-outcome.ts';
import type { ReportBook } from '../report-book.ts';
import type { LaunchQueue } from './launch.ts';
import { type RunnerEnd, unheard } from './runner-death.ts';

/** Looks at one file in a row that may find nothing new. */
const MOST_FRUITLESS_LOOKS = 5;

export class Aftermath {
  readonly #looker: Looker;
  readonly #book: ReportBook;
  /** Looks in a row that found nothing new, by path. */
  readonly #fruitless = new Map<string, number>();

  constructor(looker: Looker, book: ReportBook) {
    this.#looker = looker;
    this.#book = book;
  }

  /** Sees to a file that a runner had. Returns whether the runner did something with it. @param end - if it is dead */
  async settle(queue: LaunchQueue, candidate: Candidate, end?: RunnerEnd): Promise<boolean> {
    const state = this.#book.settle(candidate.path, end !== undefined);
    if (state === 'unclear') return this.#lookAgain(queue, candidate, end);
    // A new file may get its inode number.
    if (state === 'retired') this.#looker.forget(candidate.inode);
    return true;
  }

  /** Looks again at a file that a runner left. True if more of its functions were tried than before. */
  async #lookAgain(queue: LaunchQueue, before: Candidate, end?: RunnerEnd): Promise<boolean> {
    const book = this.#book;
    this.#looker.forget(before.inode);
    const look = await this.#looker.look(before.name, { isPatienceOver: true });
    switch (look.kind) {
      case 'candidate': {
        const hasMore = look.report.functions.length > before.report.functions.length;
        // That a runner died is no fault of the files behind the one it died in.
        const more = end === undefined ? 1 : 0;
        const fruitless = hasMore ? 0 : (this.#fruitless.get(look.path) ?? 0) + more;
        this.#fruitless.set(look.path, fruitless);
        const why = `cannot sweep ${look.path}: its runners leave it as it is`;
        if (fruitless > MOST_FRUITLESS_LOOKS) this.giveBack([look], reportOf('DEFERRED_CRASHED', why));
        // A crew that has to stop leaves it, as all that waits.
        else queue.waiting.unshift(look);
        return hasMore;
      }
      case 'done':
      case 'locked':
        // Two sweeps that take a file from each other could go on with that for ever.
        if (look.kind === 'locked') this.#looker.leaveToOthers(before.inode);
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

  /** Writes a failed attempt for each function, because no runner begins one. */
  async failAttempts(queue: LaunchQueue, failure: ReportedError): Promise<void> {
    for (const { release, inode, name } of queue.waiting.splice(0)) {
      release();
      this.#looker.forget(inode);
      const look = await this.#looker.look(name, { isPatienceOver: true, failure });
      if (look.kind === 'done' || look.kind === 'locked') this.#book.note(look.report);
    }
  }

  /** Empties a queue: a later sweep runs the functions. @param error - why; by default this one has to stop */
  giveBack(waiting: Candidate[], error?: ReportedError): void {
    for (const { release, report } of waiting.splice(0)) {
      release();
      if (error) this.#book.fail(report, error);
      else this.#book.leave(report);
    }
  }
}
