/** What the text of a script says, as V8 compiled it. Parsed once. */
import type * as Estree from 'estree';
import { type InspectedFunction, readScript, type Script } from '../inspector/inspector.ts';
import { ModuleDeclarations } from './module-exports.ts';
import { StateChanges } from './state-changes.ts';
import { childrenOf, contains, parseSyntax } from './syntax-tree.ts';
import { TopLevel } from './top-level.ts';
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

const known = new WeakMap<Script, ScriptCode | undefined>();

/** Undefined when it has syntax that V8 knows and the parser does not yet: then functions are stored by their source. */
export function codeOf(script: Script): ScriptCode | undefined {
  if (!known.has(script)) known.set(script, describe(script));
  return known.get(script);
}

/** Whether {@link codeOf} has to parse nothing. */
export function isCodeKnown(script: Script): boolean {
  return known.has(script);
}

function describe(script: Script): ScriptCode | undefined {
  const { isModule } = script;
  const program = parseSyntax(readScript(script), isModule, {
    allowHashBang: true,
    allowReturnOutsideFunction: !isModule,
    locations: true,
  });
  if (program === undefined) return undefined;
  const changes = new StateChanges(program);
  return {
    changes,
    declarations: isModule ? new ModuleDeclarations(program, changes) : undefined,
    topLevel: new TopLevel(program),
    volatile: findVolatile(program),
    strictParts: findStrictParts(program),
  };
}

const WHOLE: Estree.SourceLocation = {
  start: { line: 0, column: 0 },
  end: { line: Number.POSITIVE_INFINITY, column: 0 },
};

/** Where the code of a script is strict: all of it, in classes, and in functions that say so. @param node - with locations */
function findStrictParts(node: Estree.Node): readonly Estree.SourceLocation[] {
  const saying = /Function/.test(node.type) ? (node as Estree.Function).body : node;
  const isStrict = /^Class/.test(node.type) || saysStrict(saying);
  return isStrict ? [node.loc!] : childrenOf(node).flatMap(findStrictParts);
}

function saysStrict(code: Estree.Node): boolean {
  if (code.type !== 'Program' && code.type !== 'BlockStatement') return false;
  return code.body.some(statement => 'directive' in statement && statement.directive === 'use strict');
}

/** Known by themselves: most scripts need no parser for it. */
const strictParts = new WeakMap<Script, readonly Estree.SourceLocation[]>();

/** Whether a function is strict code: of an ES module, of a class, or under `'use strict'`. */
export function isStrict({ script, line, column }: InspectedFunction): boolean {
  if (script.isModule) return true;
  const parts = strictParts.get(script) ?? readStrictParts(script);
  strictParts.set(script, parts);
  return parts.some(part => contains(part, line + 1, column));
}

function readStrictParts(script: Script): readonly Estree.SourceLocation[] {
  const text = readScript(script);
  // Most scripts are one or the other as a whole, and large ones take long to parse.
  if (!/\bclass\b|(['"])use strict\1/.test(text)) return [];
  // Newer syntax than the parser's: then what the script begins with counts.
  const isWhole = /^(?:#!.*)?(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*(['"])use strict\1/.test(text);
  return codeOf(script)?.strictParts ?? (isWhole ? [WHOLE] : []);
}
