import { types } from 'node:util';

/**
 * Whether what was thrown is an error of this name. Not by `instanceof`: where test runners load a program into a context
 * of its own, errors of the engine and of Node come from another one.
 */
export function isErrorNamed(error: unknown, name: 'ReferenceError' | 'SyntaxError' | 'TypeError'): boolean {
  return types.isNativeError(error) && error.name === name;
}

/** The `code` of an error of Node, from whichever context; undefined for anything else that was thrown. */
export function errorCode(error: unknown): string | undefined {
  return types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
