import types from 'node:util/types';
import { DeferredSweepError } from '../errors.ts';
import type { InspectedFunction } from './inspector/inspector.ts';

/** A function on the way from the deferred one to what it captured. */
export interface Mention {
  readonly name: string;
  /** `file:///app/job.js:12`, where known. */
  readonly where?: string | undefined;
}

/** The name of a function, undefined where that is no text. No accessor or trap of the program runs. */
export function nameOf(fn: object): string | undefined {
  for (let at: object | null = fn; at && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, 'name');
    if (property) return typeof property.value === 'string' ? property.value : undefined;
  }
  return undefined;
}

export function mention(fn: object, inspected?: InspectedFunction): Mention {
  const name = nameOf(fn) || '(anonymous)';
  return { name, where: inspected?.script.url ? `${inspected.script.url}:${inspected.line + 1}` : undefined };
}

/** @param chain - the deferred function first, the one concerned last. @param instead - the way out */
export function refusal(chain: readonly Mention[], why: string, instead: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_FUNCTION_REFUSED', `${subject(chain)} ${why}; ${instead}`);
}

/** `cannot defer the function clean (file:12): its captured function helper (file:3)`, or `… : it`. */
export function subject(chain: readonly Mention[]): string {
  const [root, ...captured] = chain.map(({ name, where }) =>
    where === undefined ? name : `${name} (${where})`,
  );
  const steps = captured.map(name => `captured function ${name}`);
  if (steps.length > MOST_STEPS)
    steps.splice(3, steps.length - MOST_STEPS, `${steps.length - MOST_STEPS} others`);
  return refusing(root!) + (steps.length === 0 ? 'it' : `its ${steps.join(' with its ')}`);
}

/** How each refusal begins. */
export function refusing(name: string): string {
  return `cannot defer the function ${name}: `;
}

/** Of a longer way, a message names the beginning and the end. */
const MOST_STEPS = 6;
