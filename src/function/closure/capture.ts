import { hasCode } from '../../errors.ts';
import { snapshot } from '../../value/encode.ts';
import type { Callable, Reference, SourceText, StoredCall } from '../descriptor.ts';
import type { InspectedFunction } from '../inspector/inspector.ts';
import { locateFunction } from '../locate.ts';
import { type Mention, mention, nameOf, refusal } from '../refusal.ts';
import { isIdentifier } from '../storable.ts';
import {
  type CapturedRow,
  type ImportedValue,
  refuseSharedVariables,
  tooLarge,
  tooLargeVariable,
} from './captured-variables.ts';
import { refuseSharedState } from './shared-state.ts';
import { analysisOf, callOf, namedText, nativeRefusal, storeText } from './store-source.ts';
import { namedReference, resolveVariable, toReference } from './variables.ts';

/**
 * The call of a function that is not to be had from a module, with what it captured: values of variables; functions and
 * modules by reference, or functions again by source with what they captured.
 */
export class Capture {
  readonly #root: Callable;
  readonly #inspected: InspectedFunction;
  readonly #chain: readonly Mention[];
  readonly #args: readonly unknown[];
  readonly #maxBytes: number;
  readonly #references: Reference[] = [];
  readonly #indexes = new Map<object, number>();
  /** By reference. */
  readonly #rows = new Map<number, CapturedRow>();
  #sourceBytes = 0;

  /** @param maxBytes - the most that source texts and captured values may take together */
  constructor(root: Callable, inspected: InspectedFunction, args: readonly unknown[], maxBytes: number) {
    this.#root = root;
    this.#inspected = inspected;
    this.#chain = [mention(root, inspected)];
    this.#args = args;
    this.#maxBytes = maxBytes;
  }

  describe(): StoredCall {
    const text = this.#store(ROOT_ROW, this.#root, this.#inspected, this.#chain);
    // What it sees of itself would have the name that its text gives.
    const ownName = analysisOf(this.#root, this.#inspected)?.ownName;
    if (ownName !== undefined && ownName !== nameOf(this.#root)) this.#add(this.#root, PLACE);
    if (this.#references.length === 0 && this.#rows.get(ROOT_ROW)!.values.size === 0)
      return { descriptor: { kind: 'source', ...text }, encodedArguments: snapshot(this.#args, 'args') };
    const values = this.#encodeValues(text);
    const rows = [...this.#rows.values()];
    refuseSharedVariables(rows);
    refuseSharedState(rows, this.#foundByName());
    const self = this.#indexes.get(this.#root);
    const closure = { references: this.#references, values };
    return {
      descriptor: { kind: 'source', ...(self === undefined ? text : callOf(self, text)), closure },
      encodedArguments: snapshot([], 'args'),
    };
  }

  /** Captured functions of modules that another process finds again by their names. */
  #foundByName(): Callable[] {
    return [...this.#indexes].flatMap(([value, index]) => {
      const reference = this.#references[index];
      const isNamed = reference?.kind === 'module' && !reference.module.startsWith('node:');
      return isNamed && typeof value === 'function' ? [value as Callable] : [];
    });
  }

  #store(index: number, fn: Callable, inspected: InspectedFunction, chain: readonly Mention[]): SourceText {
    const { text, freeVariables } = storeText(fn, inspected, chain);
    this.#sourceBytes += text.source.length;
    if (this.#sourceBytes > this.#maxBytes)
      throw tooLarge(chain, 'the source of what it captures', this.#sourceBytes, this.#maxBytes);
    const values = new Map<string, unknown>();
    const links: Record<string, number> = {};
    const provided: string[] = [];
    const assigned: string[] = [];
    const imports: ImportedValue[] = [];
    for (const variable of freeVariables) {
      const { name } = variable;
      if (!isIdentifier(name))
        throw refusal(
          chain,
          `uses a variable called ${name}, which no record can hold`,
          'give it another name',
        );
      const found = resolveVariable(variable, inspected, chain);
      if (variable.isAssigned) assigned.push(name);
      if (found.kind === 'provided') provided.push(name);
      else if (found.kind === 'function') links[name] = this.#indexOfFunction(found.value, chain);
      else if (found.kind === 'reference') links[name] = this.#add(found.value, found.reference);
      else if (found.kind === 'value') values.set(name, found.value);
      else if (found.kind === 'members') {
        values.set(name, this.#withStandIns(found.members));
        const { namespace } = found;
        for (const [member, value] of Object.entries(found.members))
          imports.push({ name: member, value, namespace });
      }
    }
    this.#rows.set(index, { fn, chain, inspected, values, links, assigned, imports });
    return { ...text, variables: [...values.keys()], links, provided };
  }

  #indexOfFunction(fn: Callable, parents: readonly Mention[]): number {
    const known = this.#indexes.get(fn);
    if (known !== undefined) return known;
    // It is met again: what it is to itself and to others is one function.
    if (fn === this.#root) return this.#add(fn, PLACE);
    const located = locateFunction(fn);
    if (located === undefined) throw nativeRefusal([...parents, mention(fn)]);
    if (located.kind !== 'text') return this.#add(fn, toReference(located));
    const chain = [...parents, mention(fn, located.inspected)];
    if (chain.length > DEEPEST_CHAIN)
      throw refusal(
        chain,
        `is captured by way of more than ${DEEPEST_CHAIN} other functions`,
        'keep them in an array, and call them one after the other',
      );
    // Its place is taken before it is looked into: functions may refer to each other in circles.
    const index = this.#add(fn, PLACE);
    this.#references[index] = namedText(fn, this.#store(index, fn, located.inspected, chain), chain);
    return index;
  }

  /** Makes the deferred function, which was met in what it captured, one of the references. */
  #moveRoot(text: SourceText): void {
    const index = this.#indexes.get(this.#root);
    if (index === undefined || this.#references[index] !== PLACE) return;
    this.#references[index] = namedText(this.#root, text, this.#chain);
    const row = this.#rows.get(ROOT_ROW)!;
    this.#rows.set(index, row);
    this.#rows.set(ROOT_ROW, { ...row, values: new Map(), links: {}, assigned: [], imports: [] });
  }

  #add(value: object, reference: Reference): number {
    const known = this.#indexes.get(value);
    if (known !== undefined) return known;
    const index = this.#references.push(reference) - 1;
    this.#indexes.set(value, index);
    return index;
  }

  /** The members with each module among them replaced by a function, which values may contain, of the same index. */
  #withStandIns(members: Readonly<Record<string, unknown>>): object {
    const entries = Object.entries(members).map(([name, value]) => {
      const reference = namedReference(value);
      if (reference === undefined) return [name, value];
      const standIn = () => undefined;
      this.#indexes.set(standIn, this.#add(value as object, reference));
      return [name, standIn];
    });
    return Object.fromEntries(entries);
  }

  #encodeValues(text: SourceText): Uint8Array {
    // Functions inside of values are met while these are encoded, and bring rows of their own: again, until none is new.
    for (;;) {
      this.#moveRoot(text);
      const known = this.#references.length;
      const rows = [...this.#references.entries()].map(([index, { kind }]) => {
        const row = this.#rows.get(index);
        // Functions of the language have a source, too, and capture nothing.
        return row ? [...row.values.values()] : kind === 'source' ? [] : null;
      });
      const own = [...this.#rows.get(ROOT_ROW)!.values.values()];
      const bytes = this.#encode([this.#args, own, ...rows]);
      const isLarge = bytes.length > this.#maxBytes;
      if (isLarge && bytes.length - snapshot(this.#args, 'args').length > this.#maxBytes)
        throw tooLargeVariable([...this.#rows.values()], this.#maxBytes);
      if (this.#references.length === known) return bytes;
    }
  }

  #encode(rows: readonly (readonly unknown[] | null)[]): Uint8Array {
    const encodeFunction = (fn: Callable, path: string) => {
      // Captured are functions by their variables; those in arguments are refused, which says where.
      if (path.startsWith(`${ROOT}[0]`)) snapshot(this.#args, 'args');
      return this.#indexOfFunction(fn, this.#chain);
    };
    try {
      return snapshot(rows, ROOT, encodeFunction);
    } catch (error) {
      if (!hasCode(error, 'DEFERRED_TOO_LARGE', 'DEFERRED_VALUE_REFUSED')) throw error;
      // An argument is refused by its own path.
      snapshot(this.#args, 'args');
      // Or else the refusal with the name of the variable is thrown here.
      const largest = tooLargeVariable([...this.#rows.values()], this.#maxBytes);
      throw error.code === 'DEFERRED_TOO_LARGE' ? largest : error;
    }
  }
}

/** The row of what is called, which is no reference. */
const ROOT_ROW = -1;

/** What the arguments and all rows are called together. */
const ROOT = 'captured';

/** Of functions that each captured the next: a stack has room for more, but not for any number. */
const DEEPEST_CHAIN = 500;

/** Stands where the text of a function is still being described. */
const PLACE: Reference = { kind: 'namespace', module: '' };
