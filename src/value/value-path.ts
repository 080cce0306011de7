import { DeferredSweepError } from '../errors.ts';
import { MAX_ITEMS, MAX_VALUE_BYTES } from './limits.ts';
import { adviceFor, describe } from './refusal.ts';

export type Step =
  | string
  | number
  | symbol
  /** The value of a map's key. */
  | { readonly call: 'get'; readonly key: unknown }
  /** The n-th key of a map, the n-th member of a set. */
  | { readonly call: 'keys' | 'values'; readonly index: number };

/**
 * The way from a root to the value being looked at, written as JavaScript would reach it (`args[1].socket`,
 * `args[0]["odd key"]`, `args[0].get("k")`), and the errors that name it.
 */
export class ValuePath {
  readonly #rootName: string;
  readonly #steps: Step[] = [];

  constructor(rootName: string) {
    this.#rootName = rootName;
  }

  enter(step: Step): void {
    this.#steps.push(step);
  }

  leave(): void {
    this.#steps.pop();
  }

  toString(): string {
    return this.#rootName + this.#steps.map(formatStep).join('');
  }

  refusal(what: string, instead: string, cause?: unknown): DeferredSweepError {
    const valuePath = this.toString();
    const message = `cannot store ${valuePath}: ${what}; ${instead}`;
    return new DeferredSweepError('DEFERRED_VALUE_REFUSED', message, { valuePath, cause });
  }

  refusalOf(value: object): DeferredSweepError {
    return this.refusal(`it is ${describe(value)}`, adviceFor(value));
  }

  tooLarge(cause?: unknown): DeferredSweepError {
    const limits = `${MAX_VALUE_BYTES} bytes or ${MAX_ITEMS} items`;
    return new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot store ${this.#rootName}: it takes more than ${limits}; write the data to a file and pass its path`,
      { valuePath: this.#rootName, cause },
    );
  }

  refusalOfProperty(key: Step, what: string, instead: string, cause?: unknown): DeferredSweepError {
    this.enter(key);
    return this.refusal(what, instead, cause);
  }
}

function formatStep(step: Step): string {
  switch (typeof step) {
    case 'number':
    case 'symbol':
      return `[${String(step)}]`;
    case 'string':
      return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    default:
      return step.call === 'get' ? `.get(${formatKey(step.key)})` : `.${step.call}()[${step.index}]`;
  }
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function formatKey(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (typeof key === 'bigint') return `${key}n`;
  if (Object.is(key, -0)) return '-0';
  return (typeof key === 'object' && key !== null) || typeof key === 'function' ? describe(key) : String(key);
}
