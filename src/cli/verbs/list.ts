/** The verb `list`. */
import { list } from '../../operate/list.ts';
import { FILE_STATES, type FileState } from '../../operate/listed-file.ts';
import { printableJson } from '../../printable.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { formatList } from '../output/format-list.ts';
import { cannotRead, print } from '../output/output.ts';

export async function runList(line: Arguments): Promise<number> {
  const options = {
    states: statesOf(line.text('state')),
    olderMs: line.age('older'),
    label: line.text('label'),
    ...line.trust,
  };
  const bases = basesOf(line.operands, process.env);
  let status = EXIT_DONE;
  for (const base of bases) {
    try {
      const report = await list(base, options);
      if (line.has('json')) print(`${printableJson(report)}\n`);
      else print(formatList(report, process.stdout.isTTY ? process.stdout.columns : undefined));
      if (line.has('exit-code') && report.files.length > 0) status = Math.max(status, EXIT_FAILED);
    } catch (error) {
      status = cannotRead(base, error);
    }
  }
  return status;
}

function statesOf(text: string | undefined): readonly FileState[] | undefined {
  return text?.split(',').map(word => {
    const state = FILE_STATES.find(known => known === word);
    if (state === undefined)
      throw new UsageError(`--state must be some of ${FILE_STATES.join(', ')}, got ${word}`);
    return state;
  });
}
