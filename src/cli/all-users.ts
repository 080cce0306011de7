/** `sweep --all-users ROOT`: root sweeps for everybody. */
import { type AllUsersReport, allUsers, hasUserProblems } from '../all-users/all-users.ts';
import { printable, printableJson } from '../printable.ts';
import { reportError } from '../report/reported-error.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT } from './exit.ts';
import { say } from './output.ts';
import { withStopSignals } from './stop-signals.ts';

export interface AllUsersLine {
  readonly root: string;
  /** `--user`; undefined: all. */
  readonly users: readonly number[] | undefined;
  readonly timeoutMs: number | undefined;
  readonly isJson: boolean;
}

/** Sweeps for the users and prints the report; returns the exit status. */
export async function runAllUsers({ root, users, timeoutMs, isJson }: AllUsersLine): Promise<number> {
  try {
    const report = await withStopSignals(signal => allUsers(root, { users, timeoutMs, signal }));
    process.stdout.write(isJson ? `${printableJson(report)}\n` : format(report));
    return hasUserProblems(report) ? EXIT_FAILED : EXIT_DONE;
  } catch (error) {
    const reported = reportError(error);
    if (isJson) process.stdout.write(`${printableJson({ root, error: reported })}\n`);
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
