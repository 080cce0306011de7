/** One line at the foot of a terminal that says how far a sweep is. */
import { formatAge } from './format.ts';

/** A shorter sweep has no line. */
const QUIET_MS = 1000;
const REDRAW_MS = 200;
const USUAL_WIDTH = 80;
const CLEAR = '\r\u001b[K';

export class Progress {
  readonly #beganMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #done = new Set<string>();
  #found = 0;
  #isShown = false;

  private constructor() {
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  /** On standard error. Undefined where no line can be drawn. */
  static begin(): Progress | undefined {
    return process.stderr.isTTY && process.env.TERM !== 'dumb' ? new Progress() : undefined;
  }

  /** A pass over so many files begins. Those of an earlier one count once. */
  found(files: number): void {
    this.#found = Math.max(this.#found, files);
  }

  settled(path: string): void {
    this.#done.add(path);
  }

  /** Takes the line away, so that something can be printed. It comes back. */
  clear(): void {
    if (this.#isShown) process.stderr.write(CLEAR);
    this.#isShown = false;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #draw(): void {
    const ms = performance.now() - this.#beganMs;
    if (ms < QUIET_MS || this.#found === 0) return;
    const text = progressText(this.#done.size, this.#found, ms);
    // 0: the terminal does not know its width.
    const width = process.stderr.columns || USUAL_WIDTH;
    process.stderr.write(`${CLEAR}${text.slice(0, Math.max(0, width - 1))}`);
    this.#isShown = true;
  }
}

/** @param ms - since the beginning */
export function progressText(done: number, found: number, ms: number): string {
  const files = Math.max(found, done);
  const perSecond = (done / ms) * 1000;
  const rate = perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1);
  const left = done === 0 ? '' : `, ${formatAge((files - done) * (ms / done))} left`;
  return `${done} of ${files} files, ${rate} a second${done === files ? '' : left}`;
}
