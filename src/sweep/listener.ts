import type { FileReport, FunctionReport } from '../report/report.ts';

/** What a sweep tells while it goes on. Each call returns soon, and does not throw. */
export interface SweepListener {
  /** A pass begins, with so many state files. */
  found(files: number): void;
  /** A file is seen to, in this pass. */
  settled(path: string): void;
  /**
   * An attempt has ended; or, with the same attempt and a dead letter, its function was given up.
   * @param isLast - it is not tried again
   */
  ran(file: FileReport, ran: FunctionReport, isLast: boolean): void;
  /**
   * Whole lines, or what came of one, that a function printed.
   * @param name - of the function; undefined for what came before the first
   * @returns false when this could not be taken, and no more should come for a moment
   */
  printed(name: string | undefined, lines: Buffer): boolean;
}
