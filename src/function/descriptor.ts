import { DeferredSweepError } from '../errors.ts';

/**
 * How a deferred function is stored: a plain tree of strings, numbers, arrays and bytes, for `src/cbor/codec.ts`.
 * See `docs/format.md`, "functions".
 */
export type FunctionDescriptor = ModuleDescriptor | SourceDescriptor | CommandDescriptor;

/** A function found again by importing its module. */
export interface ModuleDescriptor {
  readonly kind: 'module';
  /** A `file:`, `node:` or `data:` URL. */
  readonly module: string;
  /** Dotted path from the module's namespace, e.g. `Resource.close`; the last but one is the function's `this`. */
  readonly export: string;
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
  /** The working directory it is started in. */
  readonly cwd?: string;
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
  /** Captured variables, by value: their values are the first items of this function's row in `Closure.values`. */
  readonly variables: readonly string[];
  /** Own properties of the function (static fields, `fn.cache`): the remaining items of that row. */
  readonly properties: readonly string[];
  /** Captured variables that hold a function or a module: name → index in `Closure.references`. */
  readonly links: Readonly<Record<string, number>>;
  /** Those of `links` that a class needs to come into being, `extends Base` for one. */
  readonly creationLinks: readonly string[];
  /** Variables given by the restorer: CommonJS's `require`, transpilers' helpers. */
  readonly provided: readonly string[];
}

/** Everything reachable from a stored function, functions and modules apart from values. */
export interface Closure {
  readonly references: readonly Reference[];
  /**
   * Snapshot of an array of rows, the first that of the stored function itself, then one for each of `references`
   * (`null` for those without source). A function inside a value stands as its index in `references`.
   */
  readonly values: Uint8Array;
}

/** A captured function or module. */
export type Reference = ModuleDescriptor | NamespaceReference | CommonJsReference | SourceReference;

/** The namespace of a module, as `import * as` gives it. */
export interface NamespaceReference {
  readonly kind: 'namespace';
  /** A URL or, with `from`, a specifier as it was written in that file. */
  readonly module: string;
  readonly from?: string;
}

/** The exports of a CommonJS module, as `require` gives them. */
export interface CommonJsReference {
  readonly kind: 'commonjs';
  /** A `file:` URL. */
  readonly module: string;
}

/** A captured function stored by source. */
export interface SourceReference extends SourceText {
  readonly kind: 'source';
  /** Its `name` property, where the source alone would give another. */
  readonly name?: string;
}

/**
 * The descriptor a decoded tree holds, its shape checked in every field; unknown fields are ignored.
 *
 * @throws `DEFERRED_STATE_CORRUPT` when a field is missing or of the wrong type.
 */
export function parseDescriptor(tree: unknown): FunctionDescriptor {
  const fields = new Fields('function', tree);
  const kind = fields.string('kind');
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
  return { kind: 'module', module: fields.string('module'), export: fields.string('export') };
}

function parseCommand(fields: Fields): CommandDescriptor {
  const cwd = fields.optional('cwd', 'string');
  const env = fields.value('env');
  return {
    kind: 'command',
    file: fields.string('file'),
    argv: fields.strings('argv'),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: new Fields('function.env', env).record('string') }),
  };
}

function parseSource(fields: Fields): SourceDescriptor {
  const closure = fields.value('closure');
  const root = { kind: 'source' as const, ...parseText(fields) };
  if (closure === undefined) {
    if (Object.keys(root.links).length > 0 || root.variables.length + root.properties.length > 0) {
      throw fields.corrupt('has captured variables but no closure');
    }
    return root;
  }
  const parsed = parseClosure(new Fields('function.closure', closure));
  for (const text of [root, ...parsed.references]) {
    if (text.kind !== 'source') continue;
    for (const index of Object.values(text.links)) {
      if (index >= parsed.references.length)
        throw fields.corrupt(`links to reference ${index}, which is missing`);
    }
  }
  return { ...root, closure: parsed };
}

function parseClosure(fields: Fields): Closure {
  const values = fields.value('values');
  if (!(values instanceof Uint8Array)) throw fields.corrupt('has no values');
  const references = fields.array('references').map((tree, index): Reference => {
    const entry = new Fields(`function.closure.references[${index}]`, tree);
    const kind = entry.string('kind');
    if (kind === 'module') return parseModule(entry);
    if (kind === 'commonjs') return { kind, module: entry.string('module') };
    if (kind === 'namespace') {
      const from = entry.optional('from', 'string');
      return { kind, module: entry.string('module'), ...(from === undefined ? {} : { from }) };
    }
    if (kind !== 'source') throw entry.corrupt(`has the unknown kind ${JSON.stringify(kind)}`);
    const name = entry.optional('name', 'string');
    return { kind, ...parseText(entry), ...(name === undefined ? {} : { name }) };
  });
  return { references, values };
}

function parseText(fields: Fields): SourceText {
  const url = fields.optional('url', 'string');
  const line = fields.optional('line', 'number');
  const column = fields.optional('column', 'number');
  const strict = fields.optional('strict', 'boolean');
  if (strict === undefined) throw fields.corrupt('does not say whether it is strict');
  return {
    source: fields.string('source'),
    ...(url === undefined ? {} : { url }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    strict,
    variables: fields.strings('variables'),
    properties: fields.strings('properties'),
    links: new Fields(`${fields.label}.links`, fields.value('links')).record('number'),
    creationLinks: fields.strings('creationLinks'),
    provided: fields.strings('provided'),
  };
}

interface Primitives {
  string: string;
  number: number;
  boolean: boolean;
}

/** Typed access to the fields of an untrusted tree. */
class Fields {
  readonly label: string;
  readonly #entries: ReadonlyMap<string, unknown>;

  constructor(label: string, tree: unknown) {
    this.label = label;
    if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) throw this.corrupt('is not a map');
    this.#entries = new Map(tree instanceof Map ? tree : Object.entries(tree));
  }

  value(name: string): unknown {
    return this.#entries.get(name);
  }

  string(name: string): string {
    const value = this.optional(name, 'string');
    if (value === undefined) throw this.corrupt(`has no ${name}`);
    return value;
  }

  optional<T extends keyof Primitives>(name: string, type: T): Primitives[T] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    return this.#checked(name, type, value);
  }

  array(name: string): readonly unknown[] {
    const value = this.value(name);
    if (!Array.isArray(value)) throw this.corrupt(`has no array ${name}`);
    return value;
  }

  strings(name: string): readonly string[] {
    return this.array(name).map((item, index) => this.#checked(`${name}[${index}]`, 'string', item));
  }

  /** All fields, as an object without prototype: a field named `__proto__` is a field like any other. */
  record<T extends keyof Primitives>(type: T): Readonly<Record<string, Primitives[T]>> {
    const record: Record<string, Primitives[T]> = Object.create(null);
    for (const [name, value] of this.#entries) record[name] = this.#checked(name, type, value);
    return record;
  }

  #checked<T extends keyof Primitives>(name: string, type: T, value: unknown): Primitives[T] {
    if (typeof value !== type || (type === 'number' && !isIndex(value))) {
      throw this.corrupt(`has a ${name} that is not a ${type === 'number' ? 'whole number' : type}`);
    }
    return value as Primitives[T];
  }

  corrupt(what: string): DeferredSweepError {
    return new DeferredSweepError(
      'DEFERRED_STATE_CORRUPT',
      `cannot read a stored function: ${this.label} ${what}`,
    );
  }
}

function isIndex(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
