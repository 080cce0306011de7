import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The files below a directory whose names end so, absolute; not those of packages. */
export function glob(directory: string, ending: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : glob(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}
