import type { Arguments } from '../arguments.ts';
import { UsageError } from '../exit.ts';

/** The command behind `--`, and its arguments. @param what - it is called @throws UsageError */
export function commandOf(verb: string, what: string, line: Arguments): readonly [string, readonly string[]] {
  const { operands, command } = line;
  const [file, ...argv] = command;
  if (operands.length !== command.length)
    throw new UsageError(`${verb}: put -- before the ${what}, got ${JSON.stringify(operands[0])}`);
  if (!file) throw new UsageError(`${verb}: no ${what} given after --`);
  return [file, argv];
}
