/** Refusals of a server. Every new connection makes them, that of a migration too. */
import { DeferredSweepError, type DeferredSweepErrorCode } from '../../errors.ts';

/** The error for a server that will not do. */
export function refusal(code: DeferredSweepErrorCode, reason: string): DeferredSweepError {
  return new DeferredSweepError(code, `cannot use the PostgreSQL server: ${reason}`);
}

/**
 * In another encoding the end of an attempt cannot be stored where its error has a character that is not there.
 * @throws DeferredSweepError `DEFERRED_SERVER_UNSUPPORTED`
 */
export function assertUtf8(encoding: unknown): void {
  if (encoding === 'UTF8') return;
  throw refusal('DEFERRED_SERVER_UNSUPPORTED', `its database is ${encoding}; use one with ENCODING 'UTF8'`);
}
