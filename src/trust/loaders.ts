/** Which files Node reads before a program, by its options. Who owns them decides what runs. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCode } from '../errors.ts';

/** Options of Node, and the directory in which it starts: relative names refer to it. */
export interface NodeStart {
  readonly execArgv: readonly string[];
  /** As NODE_OPTIONS has them. */
  readonly nodeOptions: string;
  readonly directory: string;
}

/** Options whose value names a module. */
const MODULES = ['-r', '--require', '--import', '--loader', '--experimental-loader'];
/** Options whose value names a file with options, variables or settings, which may name modules. */
const FILES = [
  '--env-file',
  '--env-file-if-exists',
  '--experimental-config-file',
  '--experimental-policy',
  '--openssl-config',
];

/** Absolute paths of what the options name. Of what cannot be found there is none: Node does not start with it. */
export function loadersOf({ execArgv, nodeOptions, directory }: NodeStart): string[] {
  const words = [...splitOptions(nodeOptions), ...execArgv];
  return loaderOptions(words, directory).map(({ path }) => path);
}

/** The options without those that name such a file. Exactly as they were where none does. */
export function withoutLoaders(start: NodeStart, isLeftOut: (path: string) => boolean): NodeStart {
  const { execArgv, nodeOptions, directory } = start;
  const without = (words: readonly string[]): string[] => {
    const leftOut = loaderOptions(words, directory).flatMap(({ path, at }) => (isLeftOut(path) ? at : []));
    return words.filter((_, at) => !leftOut.includes(at));
  };
  const words = splitOptions(nodeOptions);
  const kept = without(words);
  return {
    execArgv: without(execArgv),
    nodeOptions: kept.length === words.length ? nodeOptions : kept.map(quoteOption).join(' '),
    directory,
  };
}

/** Whether an option names a module, which may be a loader. */
export function namesLoader({ execArgv, nodeOptions }: NodeStart): boolean {
  const words = [...splitOptions(nodeOptions), ...execArgv];
  return words.some(word => MODULES.includes(word.replace(/=.*/s, '')));
}

interface LoaderOption {
  readonly path: string;
  /** Where its words stand. */
  readonly at: readonly number[];
}

function loaderOptions(words: readonly string[], directory: string): LoaderOption[] {
  return words.flatMap((word, first) => {
    const [, name = word, inside] = /^(--[^=]*)=(.*)$/s.exec(word) ?? [];
    const last = inside === undefined ? first + 1 : first;
    const value = inside ?? words[last];
    if (value === undefined) return [];
    const path = FILES.includes(name)
      ? resolve(directory, value)
      : MODULES.includes(name)
        ? moduleAt(value, directory)
        : undefined;
    return path === undefined ? [] : [{ path, at: [first, last] }];
  });
}

/** Absolute. Undefined where the specifier names nothing that is there, or no file. */
export function moduleAt(specifier: string, directory: string): string | undefined {
  if (specifier.startsWith('file:')) return unlessUnresolved(() => fileURLToPath(specifier));
  if (/^(\/|\.\.?(\/|$))/.test(specifier)) return resolve(directory, specifier);
  if (/^(node|data|https?):/.test(specifier)) return undefined;
  const { resolve: resolveThere } = createRequire(join(directory, 'noop.js'));
  const [name = specifier] = /^(@[^/]+\/)?[^/]+/.exec(specifier) ?? [];
  const packages = resolveThere.paths(specifier)?.map(modules => join(modules, name));
  // Where a package has only `import` in its exports, its directory must do.
  const found = unlessUnresolved(() => resolveThere(specifier)) ?? packages?.find(path => existsSync(path));
  return found?.startsWith('/') ? found : undefined;
}

/** What a step returns, or undefined where Node says by a code why it cannot: of its permission model, too. */
export function unlessUnresolved<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

/** The words of NODE_OPTIONS: spaces part them, except in double quotes, in which a backslash takes the next character as it is. */
function splitOptions(text: string): string[] {
  const words = text.match(/(?:"(?:[^"\\]|\\.)*"|[^ "])+/gs) ?? [];
  return words.map(word =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"/gs, (_all, inner: string) => inner.replaceAll(/\\(.)/gs, '$1')),
  );
}

function quoteOption(word: string): string {
  return /[ "\\]/.test(word) ? `"${word.replaceAll(/["\\]/g, '\\$&')}"` : word;
}
