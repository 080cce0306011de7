/** Everything is done, or there was nothing to do. */
export const EXIT_DONE = 0;
/** A function failed, or a file was set aside, refused or left. */
export const EXIT_FAILED = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** A directory could not be swept. */
export const EXIT_NOT_SWEPT = 3;
/** Of `exec`: no job could be opened; nothing was started. */
export const EXIT_NO_JOB = 125;
/** As Node ends where a module's `await` never ends. The command sets its own. */
export const EXIT_UNSETTLED = 13;

export class UsageError extends Error {}

/** An option that the library refuses is wrong usage: its message names the option. @throws UsageError */
export function orUsageError<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
