/**
 * Code that a hook of the program's own made of a file: of ts-node's or babel-node's command, which no option of Node
 * names. A runner has no such hook.
 */
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import types from 'node:util/types';
import { nodeStart } from '../../state/runner-start.ts';
import { loadersOf, namesLoader, withoutLoaders } from '../../trust/loaders.ts';
import { inspectFunction, read, readScript, type Script } from '../inspector/inspector.ts';
import { isPreloadedProgram, realFile } from './programs.ts';
import { readModule } from './same-function.ts';
import { filePathOf } from './script-url.ts';

const require = createRequire(import.meta.url);

/** By script, and by the exports of a module. */
const known = new WeakMap<object, boolean>();

/** Whether a runner that loads the file would get other code, or none. */
export function isMadeByHook(script: Script): boolean {
  // A loader that options of Node name the runner has, too.
  if (!known.has(script)) known.set(script, !mayBeOfLoader(script) && isTransformed(script));
  return known.get(script)!;
}

/** The same of a module, by the first function that it exports: a hook that compiles it compiles what it passes on. */
export function isModuleMadeByHook(exports: object): boolean {
  const before = known.get(exports);
  if (before !== undefined) return before;
  if (types.isProxy(exports)) return false;
  // Accessors that a transpiler made may be read.
  const isReadable = types.isModuleNamespaceObject(exports) || Object.hasOwn(exports, '__esModule');
  for (const name of Object.getOwnPropertyNames(exports)) {
    const value = isReadable
      ? read(exports as Record<string, unknown>, name)
      : Object.getOwnPropertyDescriptor(exports, name)?.value;
    const script = typeof value === 'function' ? inspectFunction(value)?.script : undefined;
    if (!script?.url.startsWith('file:')) continue;
    const is = isMadeByHook(script);
    known.set(exports, is);
    return is;
  }
  return false;
}

/** Whether a file that the options of Node name may have compiled it: not those of a tracer or of dotenv. */
function mayBeOfLoader(script: Script): boolean {
  const start = withoutLoaders(nodeStart(), isPreloadedProgram);
  if (!namesLoader(start)) return false;
  const hook = script.isModule ? undefined : require.extensions[extname(filePathOf(script.url) ?? '')];
  const hookFile = hook && filePathOf(inspectFunction(hook)?.script.url ?? '');
  // Hooks of `import`, and those in other places than Node's table, do not show.
  if (hookFile === undefined) return true;
  const loaded = new Set(loadersOf(start).map(loader => require.cache[realFile(loader)]));
  // The loop comes to those that it adds, too.
  for (const module of loaded) for (const child of module?.children ?? []) loaded.add(child);
  return [...loaded].some(module => module === undefined || module.filename === hookFile);
}

function isTransformed(script: Script): boolean {
  const text = readModule(script.url)?.toString();
  if (text === undefined) return false;
  const code = readScript(script);
  const written = text.replace(/^\ufeff/, '');
  if (code.replace(/^\ufeff/, '').startsWith(written)) return false;
  // Node itself puts spaces where types were, in versions that can.
  return !/\.[cm]?ts$/.test(filePathOf(script.url) ?? '') || !isStripped(code, text);
}

function isStripped(code: string, text: string): boolean {
  const { typescript } = process.features as { typescript?: unknown };
  if (!typescript) return false;
  if (typescript === 'transform') return true;
  return text.split('').every((unit, at) => code[at] === unit || /[\s;]/.test(code[at] ?? 'x'));
}
