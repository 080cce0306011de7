/** Asking before something is removed for ever. */
import { createInterface } from 'node:readline/promises';
import { errorCode } from '../../errors.ts';
import { printable } from '../../printable.ts';
import { EXIT_FAILED, UsageError } from '../exit.ts';
import { say } from './output.ts';

/** @throws UsageError unless there is a terminal to ask on */
export function assertCanAsk(): void {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError('discard removes for ever: without a terminal to ask on it needs --yes');
}

/** Says what came of a no. Returns the exit status. */
export function nothingRemoved(): number {
  say('nothing was removed');
  return EXIT_FAILED;
}

/** Shows what would be removed, one line each; true for a yes, false for anything else and for an end. */
export async function isAgreed(lines: readonly string[]): Promise<boolean> {
  for (const line of lines) process.stderr.write(`${printable(`  ${line}`)}\n`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`remove ${lines.length} for ever? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // Ctrl-C or Ctrl-D in place of an answer.
    if (errorCode(error) !== 'ABORT_ERR') throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    asking.close();
  }
}
