import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A function of another file, which a bundler makes a part of the program. */
export async function tidy(base) {
  await writeFile(join(base, 'tidied'), '');
}
