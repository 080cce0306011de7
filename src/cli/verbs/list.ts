/** The verb `list`. */
import { list } from '../../operate/list.ts';
import { FILE_STATES } from '../../operate/listed-file.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { formatList } from '../output/format-list.ts';
import { failed, jsonLine, print } from '../output/output.ts';
import { parseStates } from '../values.ts';

export async function runList(line: Arguments): Promise<number> {
  const options = {
    states: parseStates(line.text('state'), FILE_STATES),
    olderMs: line.age('older'),
    label: line.text('label'),
    ...line.trust,
  };
  const bases = basesOf(line);
  let status = EXIT_DONE;
  for (const base of bases) {
    try {
      const report = await list(base, options);
      if (line.has('json')) print(jsonLine(report));
      else print(formatList(report, process.stdout.isTTY ? process.stdout.columns : undefined));
      if (line.has('exit-code') && report.files.length > 0) status = Math.max(status, EXIT_FAILED);
    } catch (error) {
      status = failed(error, `cannot read ${base}`, line.has('json') ? { base } : undefined);
    }
  }
  return status;
}
