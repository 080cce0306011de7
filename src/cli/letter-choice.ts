import type { LetterChoice } from '../operate/retry.ts';
import type { Arguments } from './arguments.ts';
import { UsageError } from './exit.ts';

/**
 * Dead letters are named by ids, or chosen by `--all` and what narrows it.
 * @throws UsageError
 */
export function letterChoice(verb: string, line: Arguments): LetterChoice {
  const { operands } = line;
  if (operands.includes('')) throw new UsageError('ID must not be empty');
  if (line.has('all') === operands.length > 0)
    throw new UsageError(`${verb} takes IDs as list prints them, or --all`);
  for (const option of ['name', 'older', 'label'] as const)
    if (line.has(option) && !line.has('all')) throw new UsageError(`--${option} goes with --all`);
  return {
    ids: line.has('all') ? undefined : operands,
    name: line.text('name'),
    label: line.text('label'),
    olderMs: line.age('older'),
  };
}
