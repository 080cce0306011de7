/** What of the sweeps of one caller, of a watch or a manager, that caller has not been told yet. */
import { type FileReport, LOCKED_OUTCOMES } from './report.ts';

export class News {
  /** By path: the fault that was told last. */
  readonly #told = new Map<string, string>();

  /** The files in which something has happened, or that have another fault than before. */
  of(files: readonly FileReport[]): FileReport[] {
    return files.filter(file => this.#isNew(file));
  }

  /** Forgets the faults of files that are not among these. */
  keep(files: readonly FileReport[]): void {
    const paths = new Set(files.map(({ path }) => path));
    for (const path of this.#told.keys()) if (!paths.has(path)) this.#told.delete(path);
  }

  #isNew({ path, outcome, functions, isRetired, error, deadLetter }: FileReport): boolean {
    const fault = error?.message ?? deadLetter;
    const isTold = fault === this.#told.get(path);
    if (fault === undefined || isRetired) this.#told.delete(path);
    else this.#told.set(path, fault);
    if (functions.length > 0) return true;
    // An owner that ended without close() left nothing to do. Of that nothing is told. With a fault something is: its
    // runner may have run functions, and could not be heard.
    if (isRetired) return fault !== undefined || !['ran', 'unfinished'].includes(outcome);
    if (LOCKED_OUTCOMES.includes(outcome) || outcome === 'waiting') return false;
    return fault !== undefined && !isTold;
  }
}
