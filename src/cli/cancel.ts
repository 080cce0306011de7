/** The verb `cancel`: takes back a command of `defer`. */
import type { Arguments } from './arguments.ts';
import { askJob } from './defer.ts';
import { UsageError } from './exit.ts';
import { say } from './output/output.ts';

/**
 * Returns 0 when the command will not run, 1 when it has run, runs or was taken back before.
 * @throws UsageError
 */
export async function runCancel({ operands }: Arguments): Promise<number> {
  const [word = ''] = operands;
  if (operands.length !== 1 || !/^\d{1,15}$/.test(word))
    throw new UsageError(
      `cancel takes one ID, a number that defer has printed, got ${operands.join(' ') || 'nothing'}`,
    );
  const id = Number(word);
  return await askJob('cancel', { op: 'cancel', id }, process.env, answer => {
    if ('isCancelled' in answer && answer.isCancelled) return 0;
    say(`cancel: no command ${id} is waiting`);
    return 1;
  });
}
