/** The files that a module imports by relative names, found without loading anything. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { unlessRefused } from '../../errors.ts';

const require = createRequire(import.meta.url);

const known = new Map<string, readonly string[]>();

/** What a path may lack, or have instead of its extension: that of the file the program was made of. */
const ENDINGS: readonly [ending: RegExp, other: string][] = [
  [/$/, ''],
  [/\.js$/, '.ts'],
  [/\.js$/, '.tsx'],
  [/\.mjs$/, '.mts'],
  [/\.cjs$/, '.cts'],
  ...['.js', '.ts', '.cjs', '.mjs', '/index.js', '/index.ts'].map(end => [/$/, end] as [RegExp, string]),
];

/** Absolute paths. Of a CommonJS module as it was loaded, of an ES module as its text says. */
export function importedFiles(path: string): readonly string[] {
  const module = require.cache[path];
  if (module !== undefined) return module.children.map(({ filename }) => filename).filter(name => !!name);
  let files = known.get(path);
  if (files === undefined) {
    files = namedFiles(path, 'import');
    known.set(path, files);
  }
  return files;
}

/** So many files are looked into; others are packages. */
const MOST_FILES = 500;

/** The files, what they import, and so on; packages are left out. @param next - what a file imports */
export function* filesFrom(
  files: readonly string[],
  next: (path: string) => readonly string[] = importedFiles,
): Iterable<string> {
  const queue = [...files];
  const seen = new Set<string>();
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path) || path.includes('/node_modules/') || seen.size >= MOST_FILES) continue;
    seen.add(path);
    yield path;
    queue.push(...next(path));
  }
}

const SPECIFIERS: Readonly<Record<'import' | 'import()', RegExp>> = {
  import:
    /\b(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])(\.[^'"\n]+)\1|\bimport\s*(['"])(\.[^'"\n]+)\3|\brequire\(\s*(['"])(\.[^'"\n]+)\5/g,
  'import()': /\bimport\(\s*(['"])(\.[^'"\n]+)\1/g,
};

/** The same as the text says: what is imported before the module runs, or by it. */
export function namedFiles(path: string, by: keyof typeof SPECIFIERS): readonly string[] {
  const text = unlessRefused(() => readFileSync(path, 'utf8'), '');
  return [...text.matchAll(SPECIFIERS[by])].flatMap(match => {
    const named = fileURLToPath(new URL(match[2] ?? match[4] ?? match[6] ?? '', pathToFileURL(path)));
    const found = ENDINGS.map(([ending, other]) => named.replace(ending, other)).find(isFile);
    return found === undefined ? [] : [found];
  });
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
