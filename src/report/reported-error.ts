import types from 'node:util/types';
import { DeferredSweepError, type DeferredSweepErrorCode, systemErrorCode } from '../errors.ts';
import type { ReportedError } from '../log/records.ts';

/** Longest text of an error that is stored. The rest is cut. */
const MAX_TEXT = 16_384;

/** Returns a thrown value as plain data. Never throws, even if the value's getters do. */
export function reportError(thrown: unknown): ReportedError {
  try {
    if (!isError(thrown)) return { name: 'Error', message: cut(`thrown: ${String(thrown)}`) };
    const { code, stack } = thrown as { code?: unknown; stack?: unknown };
    return {
      name: cut(String(thrown.name)),
      message: cut(messageOf(thrown)),
      ...(typeof code === 'string' && { code: cut(code) }),
      ...(typeof stack === 'string' && { stack: cut(stack) }),
    };
  } catch (error) {
    // An exception whose own toString or getters throw must not end a sweep.
    return { name: 'Error', message: `thrown: a value that cannot be shown (${typeof error} when asked)` };
  }
}

/** Returns an error of this package as plain data. It was not thrown, so it has no stack. */
export function reportOf(code: DeferredSweepErrorCode, message: string): ReportedError {
  return { name: DeferredSweepError.prototype.name, message: cut(message), code };
}

/** The message with its causes. Alone it often says only what could not be done. */
function messageOf(error: Error): string {
  const causes: Error[] = [];
  for (let cause = error.cause; isError(cause) && causes.length < 8; cause = cause.cause) causes.push(cause);
  const unsaid = causes.filter(cause => !saysAll(error, cause));
  return [error.message, ...unsaid.map(cause => cause.message)].join(': ');
}

/** Whether the message tells a cause: word by word, or by the code of a system error about the file or its unfinished name. */
function saysAll(error: Error, cause: Error): boolean {
  const { message, path } = error as NodeJS.ErrnoException;
  if (message.includes(cause.message)) return true;
  const code = systemErrorCode(cause);
  const of = (cause as NodeJS.ErrnoException).path;
  return (
    code !== undefined &&
    (of === undefined || of === path || of.startsWith(`${path}.`)) &&
    message.includes(`(${code})`)
  );
}

/** True for an error of any realm. DOMException, as `fetch` throws it, is no native error before Node 24. */
function isError(thrown: unknown): thrown is Error {
  return types.isNativeError(thrown) || thrown instanceof Error;
}

/** Half a surrogate pair, as `JSON.parse('😀')` writes it into its message, becomes U+FFFD: a mark is never refused. */
function cut(text: string): string {
  const start = text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
  return start.toWellFormed();
}
