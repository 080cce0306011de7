/** The report of a sweep. For people a line as soon as each function ends, on a terminal how far it is, the rest at the end. */
import { printable, printableLines } from '../../printable.ts';
import {
  type FileReport,
  type FunctionReport,
  hasProblems,
  type SweepReport,
  totalsOf,
} from '../../report/report.ts';
import type { SweepListener } from '../../sweep/listener.ts';
import { writeSome } from '../../sweep/runners/runner-output.ts';
import type { Arguments } from '../arguments.ts';
import { fileLine, formatAge, functionLine, restLines, summaryLine } from './format.ts';
import { jsonLine, print, warn } from './output.ts';

/** Of what functions print under `--quiet`. */
const MAX_HELD_BYTES = 64 * 1024;
/** A shorter sweep has no line at the foot of the terminal that says how far it is. */
const QUIET_MS = 1000;
const REDRAW_MS = 200;
const USUAL_WIDTH = 80;
const CLEAR = '\r\u001b[K';

export class LiveReport implements SweepListener {
  readonly #line: Arguments;
  /** What functions printed under `--quiet`, up to a limit: it is told if something goes wrong. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  /** What was told of each function, by file. */
  readonly #told = new Map<string, Map<number, FunctionReport>>();
  /** The file whose line was printed last. */
  #current: string | undefined;
  readonly #beganMs = performance.now();
  /** Undefined where no line can be drawn. */
  readonly #drawing: NodeJS.Timeout | undefined;
  #isDrawn = false;
  #found = 0;
  readonly #settled = new Set<string>();

  constructor(line: Arguments) {
    this.#line = line;
    if (!line.has('quiet') && process.stderr.isTTY && process.env.TERM !== 'dumb')
      this.#drawing = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  /** Tells of what is not in the report. */
  warn(message: string): void {
    this.#clear();
    warn(message);
  }

  /** Files of an earlier pass count once. */
  found(files: number): void {
    this.#found = Math.max(this.#found, files);
  }

  settled(path: string): void {
    this.#settled.add(path);
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
      this.#clear();
      return writeSome(labelled);
    }
    if (this.#heldBytes >= MAX_HELD_BYTES) return true;
    this.#held.push(labelled);
    this.#heldBytes += labelled.length;
    return true;
  }

  /** Ends it, with what was held if something went wrong. */
  end(isBad: boolean): void {
    clearInterval(this.#drawing);
    this.#clear();
    if (isBad) for (const chunk of this.#held) writeSome(chunk);
  }

  /** Prints what was not told before the end. */
  finish(report: SweepReport): void {
    const isBad = hasProblems(report);
    this.end(isBad);
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
    this.#clear();
    print(printableLines(lines));
  }

  /** Takes the line at the foot away, so that something can be printed. It comes back. */
  #clear(): void {
    if (this.#isDrawn) process.stderr.write(CLEAR);
    this.#isDrawn = false;
  }

  #draw(): void {
    const ms = performance.now() - this.#beganMs;
    if (ms < QUIET_MS || this.#found === 0) return;
    const text = progressText(this.#settled.size, this.#found, ms);
    // 0: the terminal does not know its width.
    const width = process.stderr.columns || USUAL_WIDTH;
    process.stderr.write(`${CLEAR}${text.slice(0, Math.max(0, width - 1))}`);
    this.#isDrawn = true;
  }
}

export function progressText(done: number, found: number, ms: number): string {
  const files = Math.max(found, done);
  const perSecond = (done / ms) * 1000;
  const rate = perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1);
  const left = done === 0 ? '' : `, ${formatAge((files - done) * (ms / done))} left`;
  return `${done} of ${files} files, ${rate} a second${done === files ? '' : left}`;
}

/** Puts the prefix before each line, and a line end behind it. In latin1 a character is a byte, whatever a function has printed. */
function withPrefix(prefix: string, lines: Buffer): Buffer {
  const before = Buffer.from(prefix).toString('latin1');
  const texts = lines.toString('latin1').replace(/\n$/, '').split('\n');
  return Buffer.from(texts.map(text => `${before}${text}\n`).join(''), 'latin1');
}
