/** The command behind `--`, as `exec` and `defer` take it, and what of it Node cannot pass on: it has replaced what is not UTF-8. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { unlessRefused } from '../../errors.ts';
import type { Arguments } from '../arguments.ts';
import { UsageError } from '../exit.ts';

export type Command = readonly [file: string, argv: readonly string[]];

/** @param what - it is called @throws UsageError */
export function commandOf(verb: string, what: string, { operands, command }: Arguments): Command {
  const [file, ...argv] = command;
  if (operands.length !== command.length)
    throw new UsageError(`${verb}: put -- before the ${what}, got ${JSON.stringify(operands[0])}`);
  if (!file) throw new UsageError(`${verb}: no ${what} given after --`);
  return [file, argv];
}

export function isCommandLineTextual(): boolean {
  return isUtf8(given('cmdline'));
}

/** Names of variables of the environment whose values are not UTF-8. */
export function changedVariables(): readonly string[] {
  const bytes = given('environ');
  if (isUtf8(bytes)) return [];
  const pairs = bytes.toString('latin1').split('\0');
  return pairs.filter(pair => !isUtf8(Buffer.from(pair, 'latin1'))).map(pair => pair.split('=')[0]!);
}

/** Where the system does not tell, all is believed. */
function given(what: 'cmdline' | 'environ'): Buffer {
  return unlessRefused(() => readFileSync(`/proc/self/${what}`), Buffer.alloc(0));
}
