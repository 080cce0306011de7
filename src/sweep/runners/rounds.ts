/** The files that one runner was named, round by round. It has them until it is through with their round, or dead. */
import type { Candidate } from '../look-outcome.ts';
import type { ReportBook } from '../report-book.ts';
import type { LaunchQueue } from './launch.ts';
import type { RunnerProcess } from './runner-process.ts';

/** Most files that are named at once; fewer with several runners. */
const MOST_NAMED = 16;
/** So often a runner is named files before it is through with the first: it need not wait for the next. */
const MOST_ROUNDS = 2;

export class Rounds {
  readonly #runner: RunnerProcess;
  readonly #book: ReportBook;
  readonly #rounds: (readonly Candidate[])[] = [];

  constructor(runner: RunnerProcess, book: ReportBook) {
    this.#runner = runner;
    this.#book = book;
  }

  /** How many the runner is not through with. */
  get count(): number {
    return this.#rounds.length;
  }

  get files(): readonly Candidate[] {
    return this.#rounds.flat();
  }

  /** Names the runner files until it has enough. What other runners could take at once is left to them. */
  fill({ waiting }: LaunchQueue, runners: number, isStopping: boolean): void {
    const isIdle = (): boolean => this.count === 0 && waiting.length > 0;
    const takesMore = (): boolean =>
      this.count < MOST_ROUNDS && !isStopping && waiting.length > MOST_NAMED * (runners - 1);
    while (isIdle() || takesMore()) {
      // Each of the runners gets its share.
      const share = Math.ceil(waiting.length / runners);
      this.#begin(waiting.splice(0, Math.min(share, MOST_NAMED)));
    }
  }

  /** Lets go of the locks, and names the files to the runner. */
  #begin(files: readonly Candidate[]): void {
    this.#rounds.push(files);
    for (const { path, inode, report } of files) this.#book.handOver(path, report, inode);
    for (const file of files) file.release();
    const paths = new Map(this.files.map(({ name, path }) => [name, path]));
    const named = files.map(({ name, path, seenBytes, header }) => {
      return { name, seenBytes, lastBegun: this.#book.lastBegun(path, header.order) };
    });
    this.#runner.give({ kind: 'work', files: named }, event => this.#book.hear(paths.get(event.file), event));
  }

  /** The files of the first round, with which the runner is through. */
  end(): readonly Candidate[] {
    return this.#rounds.shift() ?? [];
  }
}
