import type { Logger } from '../report/logger.ts';
import type { SweepReport } from '../report/report.ts';
import type { FunctionFailure } from './options.ts';

/** Tells a manager's `onFailure` of each function of a report that failed. */
export function failureListener(
  onFailure: ((failure: FunctionFailure) => unknown) | undefined,
  logger: Logger,
): (report: SweepReport) => void {
  if (!onFailure) return () => {};
  // Of its own turn: what it throws, at once or later, is no part of a cleanup.
  const call = async (failure: FunctionFailure): Promise<unknown> => onFailure(failure);
  return ({ files }) => {
    for (const file of files)
      for (const failed of file.functions)
        if (failed.outcome !== 'ok')
          call({ failed, file }).catch((error: unknown) => {
            logger.warn(`deferred-sweep: onFailure threw ${String(error)} for ${failed.name}`);
          });
  };
}
