import vm, { compileFunction } from 'node:vm';
import { withoutQuery } from './script-url.ts';

/** The namespace of a module whose specifier was written in the file `from`. */
export async function importFrom(specifier: string, from: string | undefined): Promise<unknown> {
  const load = compileAt(from, 'return import(specifier)', ['specifier']);
  return await (load as (specifier: string) => Promise<unknown>)(specifier);
}

/**
 * The function of this body, as if it stood in the file `url`: `import()` in it goes through the loaders of this program,
 * with that file's name as the parent.
 */
export function compileAt(
  url: string | undefined,
  body: string,
  parameters: readonly string[],
  lineOffset = 0,
): unknown {
  if (/\bimport\b/.test(body)) absorbExperimentalWarning();
  return compileFunction(body, parameters, {
    filename: siblingOf(url),
    lineOffset,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

/**
 * A name in the same directory, with the same extension, that is not the file itself: specifiers resolve alike, but
 * coverage tools and debuggers do not take the few lines compiled here for the file.
 */
function siblingOf(url: string | undefined): string {
  if (url === undefined) return '[deferred]';
  if (!url.startsWith('file:')) return url;
  const path = withoutQuery(url);
  const name = path.lastIndexOf('/') + 1;
  return `${path.slice(0, name)}[deferred]${path.slice(name)}`;
}

let isWarningAbsorbed = false;

/**
 * Node warns once per thread, at the first `import()` of code compiled like this, that it is an experimental feature:
 * ours, not the user's, who can do nothing about it. It does so while `import()` is called, so that first call is made
 * here, with this one warning held back for exactly its duration.
 */
function absorbExperimentalWarning(): void {
  if (isWarningAbsorbed) return;
  isWarningAbsorbed = true;
  const { emitWarning } = process;
  process.emitWarning = (...args: unknown[]) => {
    if (args[1] !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, args);
  };
  try {
    // A loader of the program's may refuse it, as import-in-the-middle does where no file imports.
    importFrom('node:process', import.meta.url).catch(() => {});
  } finally {
    process.emitWarning = emitWarning;
  }
}
