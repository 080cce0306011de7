/** `sweep --all-users ROOT`: root sweeps for everybody. */
import { sweepUsers } from '../../all-users/all-users.ts';
import { resolveAllUsersOptions } from '../../all-users/options.ts';
import { type AllUsersReport, describeOutcome, hasUserProblems } from '../../all-users/user-report.ts';
import { printableLines } from '../../printable.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import type { OptionName } from '../options.ts';
import { failed, jsonLine, print, RunWarnings } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';

/** Options that mean the same without it. */
const ALIKE = ['json', 'quiet', 'exit-zero', 'label', 'deadline', 'timeout', 'grace', 'wait'] as const;
const TAKEN: readonly OptionName[] = ['all-users', 'user', 'user-timeout', ...ALIKE];

export async function runAllUsers(line: Arguments): Promise<number> {
  const [root, ...more] = line.operands;
  if (root === undefined || more.length > 0) throw new UsageError('--all-users takes one BASE');
  for (const name of line.names)
    if (!TAKEN.includes(name)) throw new UsageError(`--all-users does not take --${name}`);
  const options = {
    users: line.has('user') ? line.ids('user', 'user') : undefined,
    userTimeoutMs: line.time('user-timeout'),
    timeoutMs: line.time('timeout'),
    deadlineMs: line.time('deadline'),
    killGraceMs: line.time('grace'),
    waitMs: line.time('wait'),
    onlyLabel: line.text('label'),
  };
  if (options.userTimeoutMs === 0) throw new UsageError('--user-timeout must be at least 1ms, got 0');
  const isJson = line.has('json');
  const warnings = new RunWarnings(line.has('quiet'));
  let status: number;
  try {
    const report = await withStopSignals(signal => {
      warnings.tellAt(signal);
      // The report says what became of each.
      return sweepUsers(root, resolveAllUsersOptions({ ...options, logger: warnings.logger, signal }));
    });
    const isBad = hasUserProblems(report);
    if (!line.has('quiet') || isBad) print(isJson ? jsonLine(report) : format(report));
    status = isBad ? EXIT_FAILED : EXIT_DONE;
  } catch (error) {
    status = failed(error, undefined, isJson ? { root } : undefined);
  }
  warnings.end(status);
  return status;
}

function format({ root, users }: AllUsersReport): string {
  if (users.length === 0) return printableLines([`${root}: no directory has the number of a user`]);
  const lines = users.map(user => {
    const { base, sweep } = user;
    const counts = sweep && `, ${sweep.ok} done, ${sweep.failed} failed, ${sweep.pending} left for later`;
    return `${base}: ${describeOutcome(user, counts)}`;
  });
  return printableLines(lines);
}
