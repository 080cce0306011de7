/** The verb `list`. */
import { list } from '../../operate/list.ts';
import { FILE_STATES } from '../../operate/listed-file.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { formatList } from '../output/format-list.ts';
import { forEachBase, jsonLine, print } from '../output/output.ts';
import { parseStates } from '../values.ts';

export async function runList(line: Arguments): Promise<number> {
  const options = {
    states: parseStates(line.text('state'), FILE_STATES),
    olderMs: line.age('older'),
    label: line.text('label'),
    ...line.trust,
  };
  return forEachBase(basesOf(line), 'read', line.has('json'), async base => {
    const report = await list(base, options);
    if (line.has('json')) print(jsonLine(report));
    else print(formatList(report, process.stdout.isTTY ? process.stdout.columns : undefined));
    return line.has('exit-code') && report.files.length > 0 ? EXIT_FAILED : EXIT_DONE;
  });
}
