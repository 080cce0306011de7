/** Whose code runs now: the files on the call stack, also on that of the functions that wait for this one. */
import { comparablePath } from './script-url.ts';

/** Where in a file a call stands; both count from 1, as V8 does. */
export interface CallPosition {
  readonly line: number;
  readonly column: number;
}

/** By the comparable path of the file: positions in code of no name, which may be a module's own body. */
const callers = new Map<string, CallPosition[]>();
const MOST_FILES = 1_000;
const MOST_POSITIONS = 100;

/** Takes note of the files on the stack. To be called where a job begins and where a function is first seen. */
export function noteCallers(): void {
  for (const call of callSites()) {
    const name = call.getFileName() ?? '';
    if (!/^(file:|data:|\/)/.test(name)) continue;
    const path = comparablePath(name);
    const positions = callers.get(path) ?? [];
    if (callers.size < MOST_FILES) callers.set(path, positions);
    const isNameless = call.getFunctionName() === null || call.getFunctionName() === 'Object.<anonymous>';
    if (!isNameless || positions.length >= MOST_POSITIONS) continue;
    const [line, column] = [call.getLineNumber() ?? 0, call.getColumnNumber() ?? 0];
    if (positions.some(known => known.line === line && known.column === column)) continue;
    positions.push({ line, column });
  }
}

/** The positions noted in a file; undefined for one that was never on the stack. */
export function notedPositions(url: string): readonly CallPosition[] | undefined {
  return callers.get(comparablePath(url));
}

/**
 * The files whose functions, or top level, led to this call since the event loop or the module loader began one; by
 * comparable path. Undefined where code that is no file is among them, as of `--eval`.
 */
export function callingFiles(): readonly string[] | undefined {
  const files = new Set<string>();
  for (const call of callSites()) {
    const name = call.getFileName() ?? '';
    // Hooks of `require` are behind it, and are no callers.
    if (name.startsWith('node:internal/modules/') && files.size > 0) break;
    if (name === '' || name.startsWith('node:') || comparablePath(name).startsWith(ours)) continue;
    if (!/^(file:|\/)/.test(name)) return undefined;
    files.add(comparablePath(name));
  }
  return [...files];
}

/** `dist/`: this module is compiled into a file of `dist/chunks/`. */
const ours = comparablePath(new URL('../', import.meta.url).href);

/** The stack, however long; empty where a hardened program has frozen `Error`. */
function callSites(): readonly NodeJS.CallSite[] {
  const { stackTraceLimit, prepareStackTrace } = Error;
  let sites: readonly NodeJS.CallSite[] = [];
  Reflect.set(Error, 'stackTraceLimit', 200);
  const isOurs = Reflect.set(Error, 'prepareStackTrace', (_: Error, calls: readonly NodeJS.CallSite[]) => {
    sites = calls;
    return '';
  });
  try {
    if (isOurs) void new Error().stack;
  } finally {
    if (isOurs) Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
  return sites;
}
