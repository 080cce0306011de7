/** Whether an owner that our session holds is surely ours. */
import { DeferredSweepError } from '../errors.ts';
import { ownerId } from './report.ts';
import type { Session } from './session/session.ts';

export interface Ownership extends Disposable {
  /**
   * Aborted with a `DEFERRED_OWNERSHIP_LOST` when the server has said that another has taken the owner, or the connection
   * has been lost for so long that another may.
   */
  readonly lost: AbortSignal;
}

export function watchOwnership(session: Session, key: string): Ownership {
  const abort = new AbortController();
  const lose = (why: string): void => {
    const text = `the functions of ${ownerId(key)} are not surely ours any more: ${why}`;
    abort.abort(new DeferredSweepError('DEFERRED_OWNERSHIP_LOST', text));
  };
  const fenced = (whose: string): void => {
    if (whose === key) lose('another process has taken them over');
  };
  const expired = (): void => lose('the connection is lost, and another process may take them over');
  session.on('fenced', fenced).on('expired', expired).on('ended', expired);
  return {
    lost: abort.signal,
    [Symbol.dispose]() {
      session.off('fenced', fenced).off('expired', expired).off('ended', expired);
    },
  };
}
