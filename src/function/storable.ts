import { DeferredSweepError } from '../errors.ts';
import { isPlainText } from '../value/plain-text.ts';

/** Names are for people: longer ones say no more. */
const LONGEST_NAME = 256;

/** The name under which a function is stored; anything may be written to the property. */
export function storableName(name: unknown): string {
  if (typeof name !== 'string' || name === '') return '(anonymous)';
  const text = name.slice(0, LONGEST_NAME);
  return isPlainText(text) ? text : text.toWellFormed().replace(/^\ufeff+/, '') || '(anonymous)';
}

/** Refuses text that no record gives back as it was: it would be another function, or a record that no reader accepts. */
export function requireStorable(tree: unknown, path: string): void {
  if (typeof tree === 'string') requireText(tree, path);
  else if (Array.isArray(tree))
    for (const [index, item] of tree.entries()) requireStorable(item, `${path}[${index}]`);
  else if (typeof tree === 'object' && tree !== null && !(tree instanceof Uint8Array)) {
    for (const [key, value] of Object.entries(tree)) {
      requireText(key, `the name of ${path}.${key}`);
      requireStorable(value, `${path}.${key}`);
    }
  }
}

function requireText(text: string, path: string): void {
  if (isPlainText(text)) return;
  throw new DeferredSweepError(
    'DEFERRED_VALUE_REFUSED',
    `cannot store ${path}: its text holds half of a surrogate pair, or begins with a byte order mark, which UTF-8 does ` +
      "not give back; pass such text as an argument, or write it as an escape ('\\ud800') in the source",
    { valuePath: path },
  );
}

/**
 * V8 takes what it is given for the name of a parameter, and ends the process (SIGSEGV) where it is none, or has a character
 * beyond U+FFFF. `links` cannot have `__proto__`.
 */
export function isIdentifier(name: string): boolean {
  return name !== '__proto__' && !/[\u{10000}-\u{10ffff}]/u.test(name) && IDENTIFIER.test(name);
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
