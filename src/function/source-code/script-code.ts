/** What the text of a script says, as V8 compiled it. Parsed once. */
import type * as Estree from 'estree';
import { type InspectedFunction, readScript, type Script } from '../inspector/inspector.ts';
import { type ModuleDeclarations, readDeclarations } from './module-exports.ts';
import { findChanges, parseFile, type StateChanges } from './state-changes.ts';
import { findStrictParts, WHOLE } from './strict-code.ts';
import { contains } from './syntax-tree.ts';
import { describeTopLevel, type TopLevel } from './top-level.ts';
import { findVolatile } from './volatile-values.ts';

export interface ScriptCode {
  readonly changes: StateChanges;
  readonly topLevel: TopLevel;
  /** Variables whose values are others each time that the file is evaluated. */
  readonly volatile: ReadonlySet<string>;
  readonly strictParts: readonly Estree.SourceLocation[];
  /** Of an ES module. */
  readonly declarations: ModuleDeclarations | undefined;
}

const known = new WeakMap<Script, ScriptCode | null>();

/** Undefined when it cannot be parsed: then functions are stored by their source. */
export function codeOf(script: Script): ScriptCode | undefined {
  let code = known.get(script);
  if (code === undefined) {
    code = describe(parseFile(readScript(script), script.isModule), script.isModule) ?? null;
    known.set(script, code);
  }
  return code ?? undefined;
}

/** Whether {@link codeOf} has to parse nothing. */
export function isCodeKnown(script: Script): boolean {
  return known.has(script);
}

/** Whether a function is strict code: of an ES module, of a class, or under `'use strict'`. */
export function isStrict({ script, line, column }: InspectedFunction): boolean {
  if (script.isModule) return true;
  const parts = known.get(script)?.strictParts ?? strictParts.get(script) ?? readStrictParts(script);
  return parts.some(part => contains(part, line + 1, column));
}

/** Of scripts that need no parser for it. */
const strictParts = new WeakMap<Script, readonly Estree.SourceLocation[]>();

function readStrictParts(script: Script): readonly Estree.SourceLocation[] {
  const text = readScript(script);
  // Most scripts are one or the other as a whole, and large ones take long to parse.
  const code = /\bclass\b|(['"])use strict\1/.test(text) ? codeOf(script) : SLOPPY;
  // Newer syntax than the parser's: then what the script begins with counts.
  const isStrict = /^(?:#!.*)?(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*(['"])use strict\1/.test(text);
  const parts = code?.strictParts ?? (isStrict ? [WHOLE] : []);
  strictParts.set(script, parts);
  return parts;
}

const SLOPPY = { strictParts: [] };

function describe(program: Estree.Program | undefined, isModule: boolean): ScriptCode | undefined {
  if (program === undefined) return undefined;
  const changes = findChanges(program);
  const declarations = isModule ? readDeclarations(program, changes) : undefined;
  return {
    changes,
    declarations,
    topLevel: describeTopLevel(program),
    volatile: findVolatile(program),
    strictParts: findStrictParts(program),
  };
}
