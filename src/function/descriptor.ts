import { DeferredSweepError } from '../errors.ts';
import { decodePlace } from '../log/decode-record.ts';
import type { Place } from '../log/records.ts';
import { type Fields, fieldsOf } from '../log/validate.ts';
import { requireReadable } from '../value/bounds.ts';
import { decode, encode } from '../value/codec.ts';
import { isIdentifier } from './storable.ts';

/** How a deferred function is stored: a plain tree of text, numbers, arrays and bytes. See `docs/format.md`, "Functions". */
export type FunctionDescriptor = ModuleDescriptor | SourceDescriptor | CommandDescriptor;

/** A function that this package holds, and calls only with arguments that were stored for it. */
export type Callable = (...args: never[]) => unknown;

/** A call as it is stored: a function and its arguments. */
export interface StoredCall {
  readonly descriptor: FunctionDescriptor;
  /** The snapshot of the argument list. Empty for a source that captured values, among which the arguments stand. */
  readonly encodedArguments: Uint8Array;
}

/** A function found again by importing its module. */
export interface ModuleDescriptor {
  readonly kind: 'module';
  /** A `file:`, `node:` or `data:` URL. */
  readonly module: string;
  /** Dotted path from the module's namespace, e.g. `Resource.close`; the last but one is the function's `this`. */
  readonly export: string;
  /**
   * Checksums of the function's text and of the module's file. A function of another text in an unchanged file is another
   * function; in a changed one it is its new version. Absent for what was not looked up, or was made by a loader.
   */
  readonly text?: number;
  readonly file?: number;
  /** True for what a hook of `require` made of the file: `import()` would take another text, or none. */
  readonly required?: true;
}

/** A function stored by its source text, with what it captured. */
export interface SourceDescriptor extends SourceText {
  readonly kind: 'source';
  /** Everything captured by it and by the functions it captured; absent when it captured nothing. */
  readonly closure?: Closure;
}

/** A program to be started. */
export interface CommandDescriptor {
  readonly kind: 'command';
  readonly file: string;
  readonly argv: readonly string[];
  /** Where it was given a directory. It runs in no other of that name. Absent: it runs where its function does. */
  readonly cwd?: Place;
  /** Additions to the environment of the process that starts it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The text of one function and the names that were free in it. */
export interface SourceText {
  /** An expression that evaluates to the function. */
  readonly source: string;
  /** Where it was written: what `import()` and `require` in it are relative to. Absent: the working directory. */
  readonly url?: string;
  /** Zero-based position in that file, for stack traces. */
  readonly line?: number;
  readonly column?: number;
  /** True for code of ES modules and under `'use strict'`. */
  readonly strict: boolean;
  /** Captured variables, by value: their values are this function's row in `Closure.values`. */
  readonly variables: readonly string[];
  /** Captured variables that hold a function or a module: name → index in `Closure.references`. */
  readonly links: Readonly<Record<string, number>>;
  /** Variables given by the restorer: CommonJS's `require`, transpilers' helpers. */
  readonly provided: readonly string[];
}

/** Everything reachable from a stored function, functions and modules apart from values. */
export interface Closure {
  readonly references: readonly Reference[];
  /**
   * Snapshot of an array: the arguments of the call, the row of the stored function itself, then one row for each of
   * `references` (`null` for those without source). A function inside a value stands as its index in `references`.
   */
  readonly values: Uint8Array;
}

/** A captured function or module. */
export type Reference =
  | ModuleDescriptor
  | NamespaceReference
  | SourceReference
  /** The exports of a CommonJS module, a `file:` URL, as `require` gives them. */
  | { readonly kind: 'commonjs'; readonly module: string };

/** The namespace of a module, as `import * as` gives it. */
export interface NamespaceReference {
  readonly kind: 'namespace';
  /** A URL or, with `from`, a specifier as it was written in that file. */
  readonly module: string;
  readonly from?: string;
}

/** A captured function stored by source. */
export interface SourceReference extends SourceText {
  readonly kind: 'source';
  /** Its `name` property, where the source alone would give another. */
  readonly name?: string;
}

/** Of exports, which are found once and frozen. */
const encoded = new WeakMap<FunctionDescriptor, Buffer>();

/** @throws DeferredSweepError `DEFERRED_TOO_LARGE` for what {@link decodeDescriptor} could not read again */
export function encodeDescriptor(descriptor: FunctionDescriptor): Buffer {
  const known = encoded.get(descriptor);
  if (known !== undefined) return known;
  const bytes = encode(descriptor);
  requireReadable(bytes, cause => {
    const text = `cannot store a function of ${bytes.length} bytes that could not be read again; pass the path of a file with the data instead`;
    return new DeferredSweepError('DEFERRED_TOO_LARGE', text, { cause });
  });
  if (descriptor.kind === 'module' && Object.isFrozen(descriptor))
    encoded.set(descriptor, Buffer.from(bytes));
  return bytes;
}

/** @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` */
export function decodeDescriptor(bytes: Uint8Array): FunctionDescriptor {
  return parseDescriptor(decode(bytes));
}

/** Every field is checked; unknown ones are ignored. @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` */
export function parseDescriptor(tree: unknown): FunctionDescriptor {
  const fields = fieldsOf(tree, 'function');
  const kind = fields.text('kind');
  switch (kind) {
    case 'module':
      return parseModule(fields);
    case 'source':
      return parseSource(fields);
    case 'command':
      return parseCommand(fields);
    default:
      throw fields.corrupt(`has the unknown kind ${JSON.stringify(kind)}`);
  }
}

function parseModule(fields: Fields): ModuleDescriptor {
  const text = fields.optionalIndex('text', Number.MAX_SAFE_INTEGER);
  const file = fields.optionalIndex('file', Number.MAX_SAFE_INTEGER);
  return {
    kind: 'module',
    module: fields.text('module'),
    export: fields.text('export'),
    ...(text !== undefined && file !== undefined && { text, file }),
    ...(fields.has('required') && fields.boolean('required') && { required: true }),
  };
}

function parseCommand(fields: Fields): CommandDescriptor {
  const cwd = fields.has('cwd') ? decodePlace(fields, 'cwd') : null;
  return {
    kind: 'command',
    file: fields.text('file'),
    argv: fields.texts('argv'),
    ...(cwd === null ? {} : { cwd }),
    ...(fields.has('env') && { env: fields.map('env').entries((env, name) => env.text(name)) }),
  };
}

function parseSource(fields: Fields): SourceDescriptor {
  const root = { kind: 'source' as const, ...parseText(fields) };
  if (!fields.has('closure')) {
    if (Object.keys(root.links).length > 0 || root.variables.length > 0)
      throw fields.corrupt('has captured variables but no closure');
    return root;
  }
  const parsed = parseClosure(fields.map('closure'));
  const links = [root, ...parsed.references].map(text => ('links' in text ? text.links : {}));
  const missing = links.flatMap(held => Object.values(held)).find(index => index >= parsed.references.length);
  if (missing !== undefined) throw fields.corrupt(`links to reference ${missing}, which is missing`);
  return { ...root, closure: parsed };
}

function parseClosure(fields: Fields): Closure {
  const values = fields.bytes('values');
  const references = fields.array('references').map((tree, index): Reference => {
    const entry = fieldsOf(tree, `function.closure.references[${index}]`);
    const kind = entry.text('kind');
    if (kind === 'module') return parseModule(entry);
    if (kind === 'commonjs') return { kind, module: entry.text('module') };
    if (kind === 'namespace') {
      const from = entry.optionalText('from');
      return { kind, module: entry.text('module'), ...(from === undefined ? {} : { from }) };
    }
    if (kind !== 'source') throw entry.corrupt(`has the unknown kind ${JSON.stringify(kind)}`);
    const name = entry.optionalText('name');
    return { kind, ...parseText(entry), ...(name === undefined ? {} : { name }) };
  });
  return { references, values };
}

function parseText(fields: Fields): SourceText {
  const url = fields.optionalText('url');
  const line = fields.optionalIndex('line', MAX_POSITION);
  const column = fields.optionalIndex('column', MAX_POSITION);
  const links = fields.map('links').entries((entries, name) => entries.index(name));
  const [variables, provided] = [fields.texts('variables'), fields.texts('provided')];
  for (const [field, names] of Object.entries({ links: Object.keys(links), variables, provided })) {
    const wrong = names.find(name => !isIdentifier(name))?.slice(0, 100);
    if (wrong !== undefined)
      throw fields.corrupt(`has ${JSON.stringify(wrong)} in "${field}", which is no name of a variable`);
  }
  return {
    source: fields.text('source'),
    ...(url === undefined ? {} : { url }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    strict: fields.boolean('strict'),
    variables,
    links,
    provided,
  };
}

/** V8 counts them in 32 bits. They are for stack traces only. */
const MAX_POSITION = 2 ** 30;
