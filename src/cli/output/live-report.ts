/** The report of a sweep. For people a line as soon as each function ends, the rest at the end. */
import { printable, printableLines } from '../../printable.ts';
import {
  type FileReport,
  type FunctionReport,
  hasProblems,
  type SweepReport,
  totalsOf,
} from '../../report/report.ts';
import type { SweepListener } from '../../sweep/listener.ts';
import { writeSome } from '../../sweep/runners/standard-error.ts';
import type { Arguments } from '../arguments.ts';
import { fileLine, functionLine, restLines, summaryLine } from './format.ts';
import { jsonLine, print, warn } from './output.ts';
import { Progress } from './progress.ts';

/** Of what functions print under `--quiet`. */
const MAX_HELD_BYTES = 64 * 1024;

export class LiveReport implements SweepListener {
  readonly #line: Arguments;
  readonly #progress: Progress | undefined;
  /** What functions printed under `--quiet`, up to a limit: it is told if something goes wrong. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  /** What was told of each function, by file. */
  readonly #told = new Map<string, Map<number, FunctionReport>>();
  /** The file whose line was printed last. */
  #current: string | undefined;

  constructor(line: Arguments) {
    this.#line = line;
    this.#progress = line.has('quiet') ? undefined : Progress.begin();
  }

  /** Tells of what is not in the report. */
  warn(message: string): void {
    this.#progress?.clear();
    warn(message);
  }

  found(files: number): void {
    this.#progress?.found(files);
  }

  settled(path: string): void {
    this.#progress?.settled(path);
  }

  ran(file: FileReport, ran: FunctionReport, isLast: boolean): void {
    if (this.#line.has('quiet') || this.#line.has('json')) return;
    const told = this.#told.get(file.path) ?? new Map<number, FunctionReport>();
    this.#told.set(file.path, told);
    const before = told.get(ran.id);
    told.set(ran.id, ran);
    const lines = this.#current === file.path ? [] : [fileLine(file, 'running')];
    this.#current = file.path;
    this.#print([...lines, functionLine(ran, before, isLast)]);
  }

  printed(name: string | undefined, lines: Buffer): boolean {
    const labelled = name === undefined ? lines : withPrefix(`${printable(name) || '(inline)'} | `, lines);
    if (!this.#line.has('quiet')) {
      this.#progress?.clear();
      return writeSome(labelled);
    }
    if (this.#heldBytes >= MAX_HELD_BYTES) return true;
    this.#held.push(labelled);
    this.#heldBytes += labelled.length;
    return true;
  }

  /** The directory could not be swept. */
  fail(): void {
    this.#progress?.stop();
    for (const chunk of this.#held) writeSome(chunk);
  }

  /** Prints what was not told before the end. */
  finish(report: SweepReport): void {
    this.#progress?.stop();
    const isBad = hasProblems(report);
    if (isBad) for (const chunk of this.#held) writeSome(chunk);
    if (this.#line.has('quiet') && !isBad) return;
    if (this.#line.has('json')) {
      print(jsonLine(this.#line.has('totals') ? totalsOf(report) : report));
      return;
    }
    const rest = report.files.flatMap(file =>
      restLines(file, this.#told.get(file.path), this.#current === file.path),
    );
    this.#print([...rest, summaryLine(report)]);
  }

  #print(lines: readonly string[]): void {
    this.#progress?.clear();
    print(printableLines(lines));
  }
}

/** Puts the prefix before each line, and a line end behind it. In latin1 a character is a byte, whatever a function has printed. */
function withPrefix(prefix: string, lines: Buffer): Buffer {
  const before = Buffer.from(prefix).toString('latin1');
  const texts = lines.toString('latin1').replace(/\n$/, '').split('\n');
  return Buffer.from(texts.map(text => `${before}${text}\n`).join(''), 'latin1');
}
