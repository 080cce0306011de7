/** The report of a sweep for people, as far as it is known: a line as soon as each function ends, the rest at the end. */
import { printable, printableLines } from '../../printable.ts';
import type { FileReport, FunctionReport, SweepReport } from '../../report/report.ts';
import type { SweepListener } from '../../sweep/listener.ts';
import { writeSome } from '../../sweep/runners/standard-error.ts';
import { fileLine, functionLine, restLines, summaryLine } from './format.ts';
import { print } from './output.ts';
import type { Progress } from './progress.ts';

export interface LiveReportOptions {
  /** Functions and files are told of. False: `--json`, or `--quiet`. */
  readonly isTold: boolean;
  /** What functions print is kept, up to a limit, until {@link LiveReport.release}. */
  readonly isHeld: boolean;
  readonly progress: Progress | undefined;
}

/** Of what functions print under `--quiet`. */
const MAX_HELD_BYTES = 64 * 1024;

export class LiveReport implements SweepListener {
  readonly #options: LiveReportOptions;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  /** What was told of each function, by file. */
  readonly #told = new Map<string, Map<number, FunctionReport>>();
  /** The file whose line was printed last. */
  #current: string | undefined;

  constructor(options: LiveReportOptions) {
    this.#options = options;
  }

  found(files: number): void {
    this.#options.progress?.found(files);
  }

  settled(path: string): void {
    this.#options.progress?.settled(path);
  }

  ran(file: FileReport, ran: FunctionReport, isLast: boolean): void {
    if (!this.#options.isTold) return;
    const told = this.#told.get(file.path) ?? new Map<number, FunctionReport>();
    this.#told.set(file.path, told);
    const before = told.get(ran.id);
    told.set(ran.id, ran);
    const lines = this.#current === file.path ? [] : [fileLine(file, 'running')];
    this.#current = file.path;
    this.#print([...lines, functionLine(ran, { told: before, isLast })]);
  }

  printed(name: string | undefined, lines: Buffer): boolean {
    const labelled = name === undefined ? lines : withPrefix(`${printable(name) || '(inline)'} | `, lines);
    if (!this.#options.isHeld) {
      this.#options.progress?.clear();
      return writeSome(labelled);
    }
    if (this.#heldBytes >= MAX_HELD_BYTES) return true;
    this.#held.push(labelled);
    this.#heldBytes += labelled.length;
    return true;
  }

  /** Prints what functions printed, since something went wrong. */
  release(): void {
    for (const chunk of this.#held.splice(0)) writeSome(chunk);
  }

  /** Prints what was not known before the end. */
  finish(report: SweepReport): void {
    this.#options.progress?.stop();
    if (!this.#options.isTold) return;
    const rest = report.files.flatMap(file =>
      restLines(file, this.#told.get(file.path), this.#current === file.path),
    );
    this.#print([...rest, summaryLine(report)]);
  }

  #print(lines: readonly string[]): void {
    this.#options.progress?.clear();
    print(printableLines(lines));
  }
}

/** Each line behind the prefix, and ended. */
function withPrefix(prefix: string, lines: Buffer): Buffer {
  const before = Buffer.from(prefix);
  const parts: Buffer[] = [];
  for (let from = 0; from < lines.length; ) {
    const end = lines.indexOf(0x0a, from);
    parts.push(before, end === -1 ? lines.subarray(from) : lines.subarray(from, end), LINE_END);
    from = end === -1 ? lines.length : end + 1;
  }
  return Buffer.concat(parts);
}

const LINE_END = Buffer.from('\n');
