/** The verb `cancel`: takes back a command of `defer`. */
import { askJob } from './defer.ts';
import { CANCEL_USAGE, parseCancelLine } from './exec/arguments.ts';
import { say } from './output/output.ts';

/**
 * Returns 0 when the command will not run, 1 when it has run, runs or was taken back before.
 * @throws UsageError
 */
export async function runCancel(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const id = parseCancelLine(argv);
  if (id === undefined) {
    process.stdout.write(CANCEL_USAGE);
    return 0;
  }
  return await askJob('cancel', { op: 'cancel', id }, env, answer => {
    if ('isCancelled' in answer && answer.isCancelled) return 0;
    say(`cancel: no command ${id} is waiting`);
    return 1;
  });
}
