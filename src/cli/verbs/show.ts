/** The verb `show`. */
import { type ShownFile, show } from '../../operate/show.ts';
import { printableLines } from '../../printable.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { Arguments } from '../arguments.ts';
import { baseOfFile } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { listCommand } from '../output/format.ts';
import { formatShown } from '../output/format-show.ts';
import { forEachBase, jsonLine, print, say } from '../output/output.ts';

export async function runShow(line: Arguments): Promise<number> {
  const [id, ...more] = line.operands;
  if (id === undefined || id === '' || more.length > 0)
    throw new UsageError('show takes one ID of list, or the path of a file with a slash in it');
  const { trust } = line;
  const dir = line.text('dir');
  return forEachBase([dir ?? defaultBase()], 'read', line.has('json'), async base => {
    const files = await show(id, base, trust);
    for (const file of files)
      if (line.has('json')) print(jsonLine(file));
      else if (line.has('cbor-diag')) print(diagnosis(file));
      else print(formatShown(file, id.includes('/') ? baseOfFile(file.path) : (dir ?? '')));
    if (files.length > 0) return EXIT_DONE;
    const unknown = `no file in ${base}/deferred has the id ${id}; see ${listCommand(dir)}`;
    say(id.includes('/') ? `there is no file ${id}` : unknown);
    return EXIT_FAILED;
  });
}

/** The frames as they lie in the file, and comments where there is none: RFC 8949 section 8. */
function diagnosis({ path, records }: ShownFile): string {
  const lines = records.map(({ offset, end, kind, diagnostic }) =>
    diagnostic === undefined
      ? `/ bytes ${offset} to ${end} are ${kind} /`
      : `/ byte ${offset}, ${kind} / ${diagnostic}`,
  );
  return printableLines([`/ ${path} /`, ...lines]);
}
