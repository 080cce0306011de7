import type { Logger } from '../report/logger.ts';
import type { SweepReport } from '../report/report.ts';
import type { FunctionFailure } from './options.ts';

/** Tells a manager's `onFailure` of each function that failed. */
export class FailureListener {
  readonly #onFailure: ((failure: FunctionFailure) => unknown) | undefined;
  readonly #logger: Logger;

  constructor(onFailure: ((failure: FunctionFailure) => unknown) | undefined, logger: Logger) {
    this.#onFailure = onFailure;
    this.#logger = logger;
  }

  /** What the listener throws, or rejects with, is logged. */
  tell({ files }: SweepReport): void {
    const onFailure = this.#onFailure;
    if (!onFailure) return;
    // Of its own turn: what it throws, at once or later, is no part of a cleanup.
    const call = async (failure: FunctionFailure): Promise<unknown> => onFailure(failure);
    for (const file of files)
      for (const failed of file.functions)
        if (failed.outcome !== 'ok')
          call({ failed, file }).catch((error: unknown) => {
            this.#logger.warn(`deferred-sweep: onFailure threw ${String(error)} for ${failed.name}`);
          });
  }
}
