/**
 * What V8's inspector tells about functions of this thread: where they were written and what they captured.
 *
 * A session of our own is connected once and stays: that costs a program nothing. Its debugger domain, however, makes
 * `await` nine times slower while it is enabled, and only it knows which file a script is; so it is enabled for a script
 * not seen before, and disabled before the call returns.
 */
import { Buffer } from 'node:buffer';
import type { Debugger, InspectorNotification, Runtime, Session } from 'node:inspector';
import { createRequire } from 'node:module';
import types from 'node:util/types';
import { DeferredSweepError } from '../../errors.ts';

const require = createRequire(import.meta.url);

/** Variables of one scope, innermost scopes first; `kind` as V8 names it: Closure, Block, Catch, Script, Module, Global. */
export interface Scope {
  readonly kind: string;
  /** Holds the live values. Reading a variable that is not initialized yet throws a ReferenceError (Node 22 and later). */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Where a function was written and what it can see. */
export interface InspectedFunction {
  readonly script: Script;
  /** Zero-based; of the parameter list, not of the name before it. */
  readonly line: number;
  readonly column: number;
  readonly scopes: readonly Scope[];
}

export interface Script {
  readonly id: string;
  /** As the loader named it; a `//# sourceURL` comment does not count. Empty for `new Function`. */
  readonly url: string;
  readonly isModule: boolean;
}

/** `embedderName` is there where a `//# sourceURL` comment overrides what the loader said. */
type ScriptParsed = Debugger.ScriptParsedEventDataType & { readonly embedderName?: string };

/** One session; the methods used answer before `post` returns. */
class ThreadInspector {
  readonly #session: Session;
  /** What the inspector and we hand each other, so that values stay the same objects and are not described in JSON. */
  readonly #box: { fn: unknown; scopes: readonly Scope[] } = { fn: undefined, scopes: [] };
  readonly #boxId: string;
  readonly #scripts = new Map<string, Script>();
  #lastText: { readonly id: string; readonly text: string } | undefined;

  constructor() {
    const inspector = require('node:inspector') as { Session: new () => Session };
    this.#session = new inspector.Session();
    this.#session.connect();
    try {
      this.#boxId = this.#idOfBox();
    } catch (error) {
      this.#session.disconnect();
      throw error;
    }
  }

  #idOfBox(): string {
    // Only an expression gives an object's id. So the box is, for a moment, a property of our global object and of a class
    // that all contexts share: a test runner may load us into a context, and expressions are evaluated outside of it.
    const key = 'deferred-sweep.inspector';
    const holders = [globalThis, Buffer];
    // Not where a program has frozen one of them.
    for (const holder of holders)
      Reflect.defineProperty(holder, key, { value: this.#box, configurable: true });
    try {
      const name = JSON.stringify(key);
      const { result } = this.#post<Runtime.EvaluateReturnType>('Runtime.evaluate', {
        expression: `globalThis[${name}] ?? Buffer[${name}]`,
      });
      if (result.objectId === undefined) throw new Error('the inspector cannot see what we hand it');
      return result.objectId;
    } finally {
      for (const holder of holders) Reflect.deleteProperty(holder, key);
    }
  }

  /** Undefined for a native or bound function, and for a class of the engine's own. */
  inspect(fn: object): InspectedFunction | undefined {
    this.#box.fn = fn;
    try {
      const { result } = this.#post<Runtime.CallFunctionOnReturnType>('Runtime.callFunctionOn', {
        objectId: this.#boxId,
        functionDeclaration: 'function () { return this.fn }',
        objectGroup: OBJECT_GROUP,
      });
      const properties = this.#post<Runtime.GetPropertiesReturnType>('Runtime.getProperties', {
        objectId: result.objectId,
        ownProperties: true,
      });
      const internal = new Map(properties.internalProperties?.map(({ name, value }) => [name, value]));
      const location = internal.get('[[FunctionLocation]]')?.value as Debugger.Location | undefined;
      if (location === undefined) return undefined;
      return {
        script: this.#script(location.scriptId),
        line: location.lineNumber,
        column: location.columnNumber ?? 0,
        scopes: this.#scopes(internal.get('[[Scopes]]')?.objectId),
      };
    } finally {
      this.#post('Runtime.releaseObjectGroup', { objectGroup: OBJECT_GROUP });
      this.#box.fn = undefined;
      this.#box.scopes = [];
    }
  }

  readText(script: Script): string {
    if (this.#lastText?.id !== script.id) this.#withDebugger(() => this.#keepText(script.id));
    return this.#lastText!.text;
  }

  #scopes(objectId: string | undefined): readonly Scope[] {
    if (objectId === undefined) return [];
    this.#post('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration: `function (box) {
        box.scopes = [];
        for (let i = 0; i < this.length; i++) {
          box.scopes[i] = { kind: this[i].description.replace(/ .*/s, ''), variables: this[i].object };
        }
      }`,
      arguments: [{ objectId: this.#boxId }],
    });
    return this.#box.scopes;
  }

  #script(id: string): Script {
    const known = this.#scripts.get(id);
    if (known !== undefined) return known;
    let found: Script = { id, url: '', isModule: false };
    // Tells of every script there is, which takes long where there are many: all are kept, not the one asked for only.
    const onParsed = ({ params }: InspectorNotification<ScriptParsed>) => {
      if (this.#scripts.has(params.scriptId)) return;
      const url = params.embedderName ?? params.url;
      const script = { id: params.scriptId, url, isModule: params.isModule ?? false };
      if (script.id === id) found = script;
      else if (this.#scripts.size >= MOST_SCRIPTS) return;
      this.#scripts.set(script.id, script);
    };
    this.#session.on('Debugger.scriptParsed', onParsed);
    try {
      this.#withDebugger(() => {
        // The next question about a module is mostly that for its text, and enabling the debugger is what takes time.
        if (found.isModule) this.#keepText(id);
      });
    } finally {
      this.#session.off('Debugger.scriptParsed', onParsed);
    }
    // Full of scripts that are mostly gone: what is still there is told of again.
    if (this.#scripts.size >= MOST_SCRIPTS) this.#scripts.clear();
    this.#scripts.set(id, found);
    return found;
  }

  #keepText(scriptId: string): void {
    const answer = this.#post<Debugger.GetScriptSourceReturnType>('Debugger.getScriptSource', { scriptId });
    this.#lastText = { id: scriptId, text: answer.scriptSource };
  }

  #withDebugger(body: () => void): void {
    this.#post('Debugger.enable');
    try {
      body();
    } finally {
      this.#post('Debugger.disable');
    }
  }

  #post<Result>(method: string, params: object = {}): Result {
    let failure: Error | null = null;
    let answer: object | undefined;
    this.#session.post(method, params, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw failure;
    if (answer === undefined) throw new Error(`inspector did not answer ${method}`);
    const { exceptionDetails } = answer as Partial<Runtime.EvaluateReturnType>;
    if (exceptionDetails !== undefined)
      throw new Error(`inspector: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return answer as Result;
  }
}

/** A program that evaluates code without end shall not fill our memory with the names of it. */
const MOST_SCRIPTS = 50_000;

const OBJECT_GROUP = 'deferred-sweep';

let inspector: ThreadInspector | undefined;

function connected(): ThreadInspector {
  try {
    inspector ??= new ThreadInspector();
  } catch (error) {
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      'cannot look into a function: the inspector of V8 is not available in this process (node --permission forbids it, ' +
        'some runtimes lack it); defer DeferredFunction.of({ module, export }, ...args), ' +
        'DeferredFunction.command(file, argv) or a function of a Node built-in module instead',
      { cause: error },
    );
  }
  return inspector;
}

/**
 * Where a function of this thread was written and what it can see; undefined for native and bound functions, and for
 * what is or inherits from a Proxy: its traps would run.
 * @throws `DEFERRED_UNSUPPORTED` where there is no inspector
 */
export function inspectFunction(fn: object): InspectedFunction | undefined {
  return leadsToProxy(fn) ? undefined : connected().inspect(fn);
}

function leadsToProxy(fn: object): boolean {
  let link: object | null = fn;
  while (link && !types.isProxy(link)) link = Object.getPrototypeOf(link);
  return link !== null;
}

/** The text V8 compiled: of a TypeScript file, what the loader made of it. */
export function readScript(script: Script): string {
  return connected().readText(script);
}

/** The value of a variable or export; undefined for one that cannot be read, as it is not initialized yet. */
export function read(variables: Readonly<Record<string, unknown>>, name: string): unknown {
  try {
    return variables[name];
  } catch {
    return undefined;
  }
}

/** The innermost scope with a variable of this name. */
export function scopeOf(name: string, { scopes }: InspectedFunction): Scope | undefined {
  return scopes.find(({ kind, variables }) => kind !== 'Global' && Object.hasOwn(variables, name));
}
