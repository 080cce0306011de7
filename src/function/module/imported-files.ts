/** The files that a module imports by relative names, found without loading anything. */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { unlessUnresolved } from '../../trust/loaders.ts';

const require = createRequire(import.meta.url);

const known = new Map<string, readonly string[]>();

/** What a path may lack, or have instead of its extension: that of the file the program was made of. */
const ENDINGS: readonly [ending: RegExp, other: string][] = [
  [/$/, ''],
  [/\.([cm]?)js$/, '.$1ts'],
  [/\.js$/, '.tsx'],
  ...['.js', '.ts', '.cjs', '.mjs', '/index.js', '/index.ts'].map(end => [/$/, end] as [RegExp, string]),
];

/** Absolute paths. Of a CommonJS module as it was loaded, of an ES module as its text says. */
export function importedFiles(path: string): readonly string[] {
  const module = require.cache[path];
  if (module !== undefined) return module.children.map(({ filename }) => filename).filter(name => !!name);
  if (!known.has(path)) known.set(path, namedFiles(path, 'import'));
  return known.get(path)!;
}

/** So many files are looked into; others are packages. */
const MOST_FILES = 500;

/** The files, what they import, and so on; packages are left out. @param next - what a file imports */
export function* filesFrom(
  files: readonly string[],
  next: (path: string) => readonly string[] = importedFiles,
): Iterable<string> {
  const found = new Set(files.filter(isOwn));
  for (const path of found) {
    yield path;
    // The loop comes to those, too.
    if (found.size < MOST_FILES) for (const other of next(path).filter(isOwn)) found.add(other);
  }
}

/** False for files of packages. */
export function isOwn(path: string): boolean {
  return !path.includes('/node_modules/');
}

const SPECIFIERS: Readonly<Record<'import' | 'import()', RegExp>> = {
  import: /(?:\b(?:import|export)\b[^'"`;]*?\bfrom\s*|\bimport\s*|\brequire\(\s*)(['"])(\.[^'"\n]+)\1/g,
  'import()': /\bimport\(\s*(['"])(\.[^'"\n]+)\1/g,
};

/** The same as the text says: what is imported before the module runs, or by it. */
export function namedFiles(path: string, by: keyof typeof SPECIFIERS): readonly string[] {
  const text = unlessUnresolved(() => readFileSync(path, 'utf8')) ?? '';
  return [...text.matchAll(SPECIFIERS[by])].flatMap(match => {
    const named = fileURLToPath(new URL(match[2]!, pathToFileURL(path)));
    const found = ENDINGS.map(([ending, other]) => named.replace(ending, other)).find(file =>
      unlessUnresolved(() => statSync(file, { throwIfNoEntry: false })?.isFile()),
    );
    return found === undefined ? [] : [found];
  });
}
