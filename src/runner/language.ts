/**
 * What functions do to the language itself. The runner's own code and the functions of other owners would have it, too; in
 * another runner they do not.
 */
import { DeferredSweepError, systemErrorCode } from '../errors.ts';

export class Language {
  readonly #namesAtStart = countNames();
  #isExposed = false;

  /** A function is about to run. */
  expose(): void {
    this.#isExposed = true;
  }

  /** True where a function gave every object another property, as a careless merge does: records seem to have it. */
  get isChanged(): boolean {
    return countNames() !== this.#namesAtStart;
  }

  /** True for an error that neither the system nor this package reports, once a function has run: that may be the cause. */
  isBlamedFor(error: unknown): boolean {
    return this.#isExposed && !(error instanceof DeferredSweepError) && systemErrorCode(error) === undefined;
  }
}

function countNames(): number {
  return Reflect.ownKeys(Object.prototype).length;
}
