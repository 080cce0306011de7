/** The files that one runner was named, round by round. It has them until it is through with their round, or dead. */
import type { Candidate } from '../look-outcome.ts';
import type { ReportBook } from '../report-book.ts';
import type { RunnerProcess } from './runner-process.ts';

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

  /** The files of these. */
  get files(): readonly Candidate[] {
    return this.#rounds.flat();
  }

  /** Lets go of the locks, and names the files to the runner. */
  begin(files: readonly Candidate[]): void {
    this.#rounds.push(files);
    for (const { path, inode, report } of files) this.#book.handOver(path, report, inode);
    for (const file of files) file.release();
    const paths = new Map(this.files.map(({ name, path }) => [name, path]));
    // An event about a file that this runner does not have was written by a function. The book ignores it.
    this.#runner.give(
      { kind: 'work', files: files.map(({ name, seenBytes }) => ({ name, seenBytes })) },
      event => this.#book.hear(paths.get(event.file), event),
    );
  }

  /** The files of the first round, with which the runner is through. */
  end(): readonly Candidate[] {
    return this.#rounds.shift() ?? [];
  }
}
