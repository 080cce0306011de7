import { isPlainText } from '../../value/plain-text.ts';
import type { Callable, SourceReference, SourceText } from '../descriptor.ts';
import { type InspectedFunction, read, type Scope, scopeOf } from '../inspector/inspector.ts';
import { urlOf } from '../module/script-url.ts';
import { type Mention, nameOf, refusal } from '../refusal.ts';
import { isStrict } from '../source-code/script-code.ts';
import { refuseMembers, refuseUnlikeItsText } from './as-written.ts';
import { analyzeSource, type FreeVariable, type SourceAnalysis } from './source-text.ts';

/** What of a function is in its text; what it captured is yet to be looked up. */
type WrittenText = Pick<SourceText, 'source' | 'url' | 'line' | 'column' | 'strict'>;

const SELF_CONTAINED = 'pass what it needs as arguments, or export the function from a module';

/** @param chain - the deferred function, then those captured on the way to this one */
export function storeText(
  fn: Callable,
  inspected: InspectedFunction,
  chain: readonly Mention[],
): { readonly text: WrittenText; readonly freeVariables: readonly FreeVariable[] } {
  const text = Function.prototype.toString.call(fn);
  const analysis = analysisOf(fn, inspected);
  if (analysis === undefined)
    throw refusal(chain, 'has a text this version cannot parse', 'export the function from a module');
  refuseByText(analysis, inspected, chain);
  const { expression, shape, length } = analysis;
  if (shape === undefined) refuseMembers(fn, length, chain);
  else refuseUnlikeItsText(fn, expression, shape, inspected, chain);
  const url = urlOf(inspected.script);
  const column = Math.max(0, inspected.column - parameterOffset(text) - analysis.prefixLength);
  return {
    text: { source: expression, url, line: inspected.line, column, strict: isStrict(inspected) },
    freeVariables: analysis.freeVariables,
  };
}

/** By script, position and name. */
const analyses = new Map<string, SourceAnalysis | undefined>();
let analysedLength = 0;

/** How much text analyses are kept of: functions with names or texts made up at run time would fill the memory. */
const MOST_ANALYSED = 8 * 1024 * 1024;
const LENGTH_OF_ANALYSIS = 1_000;

/** Undefined when the text cannot be parsed. Kept: closures are made again and again by the same piece of text. */
export function analysisOf(
  fn: Callable,
  { script, line, column }: InspectedFunction,
): SourceAnalysis | undefined {
  const name = nameOf(fn) ?? '';
  const key = `${script.id}:${line}:${column}:${name}`;
  const known = analyses.get(key);
  if (known !== undefined || analyses.has(key)) return known;
  const text = Function.prototype.toString.call(fn);
  const analysis = analyzeSource(text, name, script.isModule);
  analysedLength += text.length + name.length + LENGTH_OF_ANALYSIS;
  if (analysedLength > MOST_ANALYSED) {
    analyses.clear();
    analysedLength = 0;
  }
  analyses.set(key, analysis);
  return analysis;
}

/** A variable around a function that it uses, and what it holds now. */
export interface UsedVariable extends FreeVariable {
  readonly scope: Scope;
  readonly value: unknown;
}

export function* usedVariables(fn: Callable, inspected: InspectedFunction): Iterable<UsedVariable> {
  for (const variable of analysisOf(fn, inspected)?.freeVariables ?? []) {
    const scope = scopeOf(variable.name, inspected);
    if (scope !== undefined) yield { ...variable, scope, value: read(scope.variables, variable.name) };
  }
}

function refuseByText(
  { freeVariables, bound, replacesItself, thisUse, shape, isGenerator }: SourceAnalysis,
  { scopes }: InspectedFunction,
  chain: readonly Mention[],
): void {
  const names = new Set([...bound, ...freeVariables.map(({ name }) => name)]);
  // What a captured function may be, but not the deferred one itself.
  const isDeferred = chain.length === 1;
  const reasons: readonly [isSo: boolean, ...Reason][] = [
    [
      names.has('import.meta') || names.has('__vite_ssr_import_meta__'),
      'uses import.meta',
      'put what it needs of it, import.meta.url, into a variable outside',
    ],
    [names.has('eval'), 'uses eval, whose text cannot be looked into', SELF_CONTAINED],
    [
      names.has('arguments'),
      'uses the arguments of the function around it',
      'put them into a variable outside',
    ],
    [
      bound.length > 0,
      `uses ${bound[0]}, which means nothing outside of where it was written`,
      SELF_CONTAINED,
    ],
    [
      replacesItself,
      'assigns to its own name, and what is stored of a function is constant',
      'put what changes into a variable of another name, or export the function from a module',
    ],
    [
      thisUse === 'lexical',
      'uses the `this` of where it was written',
      'put what it needs of it into a variable outside',
    ],
    [
      scopes.some(({ kind }) => kind === 'With'),
      'was written inside of a `with` statement, whose object may have its variables',
      SELF_CONTAINED,
    ],
    [isDeferred && shape !== undefined, ...IS_CLASS],
    [isDeferred && isGenerator, ...IS_GENERATOR],
    [
      isDeferred && thisUse === 'call',
      'uses `this`, which is not stored',
      'defer an arrow function that calls it on its object, or pass what it needs of it as arguments',
    ],
  ];
  const reason = reasons.find(([isSo]) => isSo);
  if (reason !== undefined) throw refusal(chain, reason[1], reason[2]);
}

type Reason = readonly [why: string, instead: string];

export const IS_CLASS: Reason = ['is a class', 'defer a function that makes and uses an instance'];

/** Its body would run only while its values are asked for, and they are not. */
export const IS_GENERATOR: Reason = [
  'is a generator, so calling it runs nothing',
  'defer a function that iterates over it',
];

/** A function without a text and without a public name. */
export function nativeRefusal(chain: readonly Mention[]): Error {
  return refusal(
    chain,
    'is native, bound or internal to Node, or a Proxy or an heir of one, and has no source to be read',
    chain.length === 1
      ? 'wrap the call in a function of your own: () => original(...)'
      : // A wrapper would capture it, too.
        'make it, or import() it, inside the function that uses it',
  );
}

/** V8's position is that of the parameter list; with that on the first line, the text starts so much before it. */
function parameterOffset(text: string): number {
  const head = /^(?:async\s*)?(?:function\s*\*?\s*|\*\s*)?[\w$]*\s*(?=\()/.exec(text);
  return head === null || head[0].includes('\n') ? 0 : head[0].length;
}

/** What is stored of a captured function. @throws `DEFERRED_FUNCTION_REFUSED` for a name that no record can hold */
export function namedText(fn: Callable, text: SourceText, chain: readonly Mention[]): SourceReference {
  const name = nameOf(fn);
  if (name !== undefined && isPlainText(name)) return { kind: 'source', ...text, name };
  // A class may have a static member of this name, which is part of its text.
  if (/^\(class\b/.test(text.source)) return { kind: 'source', ...text };
  throw refusal(
    chain,
    'has a `name` that is no text, or text that UTF-8 cannot hold, which is not stored with it',
    'give it another name, or export the function from a module',
  );
}

/** The text of a function that calls a reference. @param text - of that */
export function callOf(index: number, text: SourceText): SourceText {
  const source = '((...args) => self(...args))';
  return { ...text, source, strict: true, variables: [], links: { self: index }, provided: [] };
}
