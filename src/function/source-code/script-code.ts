/** What the text of a script, as V8 compiled it, says; parsed once. */
import type * as Estree from 'estree';
import { readScript, type Script } from '../inspector/inspector.ts';
import { type ModuleDeclarations, readDeclarations } from './module-exports.ts';
import { findChanges, parseFile, type StateChanges } from './state-changes.ts';
import { describeTopLevel, type TopLevel } from './top-level.ts';
import { findVolatile } from './volatile-values.ts';

export interface ScriptCode {
  readonly changes: StateChanges;
  readonly topLevel: TopLevel;
  /** Variables whose values are others each time that the file is evaluated. */
  readonly volatile: ReadonlySet<string>;
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

function describe(program: Estree.Program | undefined, isModule: boolean): ScriptCode | undefined {
  if (program === undefined) return undefined;
  const changes = findChanges(program);
  const declarations = isModule ? readDeclarations(program, changes) : undefined;
  return { changes, declarations, topLevel: describeTopLevel(program), volatile: findVolatile(program) };
}
