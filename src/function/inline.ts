/** Functions stored by their source: captured from a live function, compiled again where they run. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { DeferredSweepError } from '../errors.ts';
import type { SourceDescriptor, SourceText } from './descriptor.ts';
import { GLOBAL_NAMES } from './globals.ts';
import { analyzeSource, type SourceAnalysis } from './source-text.ts';

/** What every CommonJS module has, and a stored function can be given again. */
const PROVIDED = ['require', '__filename', '__dirname'];

/**
 * The descriptor of a self-contained function: its source, with nothing captured.
 * @throws DeferredSweepError `DEFERRED_FUNCTION_REFUSED` naming what the function takes from where it was written.
 */
export function describeInline(fn: (...args: never[]) => unknown): SourceDescriptor {
  const text = Function.prototype.toString.call(fn);
  const asModule = analyzeSource(text, fn.name, true);
  const analysis = asModule ?? analyzeSource(text, fn.name, false);
  const refusal = analysis ? whyNot(analysis) : 'it is native or bound, so it has no source';
  if (!analysis || refusal !== undefined) throw refused(fn.name, refusal ?? '');
  return {
    kind: 'source',
    source: analysis.expression,
    strict: asModule !== undefined,
    variables: [],
    properties: [],
    links: {},
    creationLinks: [],
    provided: analysis.freeVariables.map(({ name }) => name).filter(name => PROVIDED.includes(name)),
  };
}

function whyNot(analysis: SourceAnalysis): string | undefined {
  if (analysis.isClass) return 'it is a class, which cannot be called';
  if (analysis.isGenerator) return 'it is a generator, which does nothing when it is called';
  if (analysis.bound.length > 0)
    return `it uses ${analysis.bound.join(' and ')}, which mean nothing elsewhere`;
  if (analysis.thisUse !== undefined) return 'it uses `this`, which is not stored';
  const free = analysis.freeVariables.filter(
    ({ name, onlyTypeof }) => !GLOBAL_NAMES.has(name) && !PROVIDED.includes(name) && !onlyTypeof,
  );
  if (free.length === 0) return undefined;
  const names = free.map(({ name }) => `\`${name}\``).join(', ');
  return `it uses the variable${free.length > 1 ? 's' : ''} ${names} from outside, which will not be there when it runs`;
}

function refused(name: string, why: string): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_FUNCTION_REFUSED',
    `cannot defer the function ${name || '(anonymous)'}: ${why}; pass what it needs as arguments and import() inside it, ` +
      'or defer DeferredFunction.of({ module: import.meta.url, export }, ...args) or DeferredFunction.command(...)',
  );
}

/** Returns the function of a descriptor, compiled; nothing of it has run. */
export function compileInline(text: SourceText): (...args: unknown[]) => unknown {
  const filename = text.url ?? join(process.cwd(), 'deferred-function.js');
  const body = `${text.strict ? "'use strict'; " : ''}return ${text.source}`;
  if (/\bimport\b/.test(text.source)) absorbExperimentalWarning();
  const compiled = vm.compileFunction(body, [...text.provided], {
    filename,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }) as (...provided: unknown[]) => (...args: unknown[]) => unknown;
  const path = filename.startsWith('file:') ? fileURLToPath(filename) : filename;
  const values: Record<string, unknown> = { __filename: path, __dirname: dirname(path) };
  return compiled(
    ...text.provided.map(name => (name === 'require' ? createRequire(pathToFileURL(path)) : values[name])),
  );
}

let isWarningAbsorbed = false;

/**
 * Node warns once per thread, at the first `import()` of code compiled like this, that it is experimental: ours, not
 * the user's, who can do nothing about it. That first call is made here, with this one warning held back meanwhile.
 */
function absorbExperimentalWarning(): void {
  if (isWarningAbsorbed) return;
  isWarningAbsorbed = true;
  const firstImport = vm.compileFunction('return import("node:process")', [], {
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const { emitWarning } = process;
  process.emitWarning = (...args: unknown[]) => {
    if (args[1] !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, args);
  };
  try {
    void firstImport();
  } finally {
    process.emitWarning = emitWarning;
  }
}
