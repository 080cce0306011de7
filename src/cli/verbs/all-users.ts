/** `sweep --all-users ROOT`: root sweeps for everybody. */
import { type AllUsersReport, allUsers, hasUserProblems } from '../all-users/all-users.ts';
import type { AllUsersOptions } from '../all-users/options.ts';
import { printable, printableJson } from '../printable.ts';
import { reportError } from '../report/reported-error.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT } from './exit.ts';
import { print, say } from './output/output.ts';
import { withStopSignals } from './stop-signals.ts';

export interface AllUsersLine {
  readonly root: string;
  readonly options: AllUsersOptions;
  readonly isJson: boolean;
  /** Print nothing unless something went wrong. */
  readonly isQuiet: boolean;
}

/** Sweeps for the users and prints the report; returns the exit status. */
export async function runAllUsers({ root, options, isJson, isQuiet }: AllUsersLine): Promise<number> {
  try {
    const report = await withStopSignals(signal => allUsers(root, { ...options, signal }));
    if (!isQuiet || hasUserProblems(report)) print(isJson ? `${printableJson(report)}\n` : format(report));
    return hasUserProblems(report) ? EXIT_FAILED : EXIT_DONE;
  } catch (error) {
    const reported = reportError(error);
    if (isJson) print(`${printableJson({ root, error: reported })}\n`);
    say(reported.message);
    return EXIT_NOT_SWEPT;
  }
}

function format({ users }: AllUsersReport): string {
  const lines = users.map(({ base, outcome, reason, sweep }) => {
    const told = sweep ? `, ${sweep.ok} done, ${sweep.failed} failed, ${sweep.pending} left for later` : '';
    return printable(`${base}: ${outcome}${told}${reason === undefined ? '' : `: ${reason}`}`);
  });
  return lines.map(line => `${line}\n`).join('');
}
