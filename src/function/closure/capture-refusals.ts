/** Why a function cannot be captured, in the words its user reads. */
import { DeferredSweepError } from '../../errors.ts';
import { type Mention, refusal, subject } from '../refusal.ts';

/** State that the stored function would have by value, and a function of a module by itself. */
export function sharedState(chain: readonly Mention[], name: string, user: Mention): DeferredSweepError {
  const where = user.where === undefined ? '' : ` (${user.where})`;
  return refusal(
    chain,
    `captures ${name} by value, and uses ${user.name}${where}, which has the same state in its module: the two would drift apart`,
    `pass what it needs of ${name} as an argument, or let an exported function do all of it`,
  );
}

/** A function without a text and without a public name. */
export function nativeRefusal(chain: readonly Mention[]): DeferredSweepError {
  return refusal(
    chain,
    'is native, bound or internal to Node, or a Proxy or an heir of one, and has no source to be read',
    chain.length === 1
      ? 'wrap the call in a function of your own: () => original(...)'
      : // A wrapper would capture it, too.
        'make it, or import() it, inside the function that uses it',
  );
}

/** @param bytes - Infinity for what no record could hold */
export function tooLarge(
  chain: readonly Mention[],
  what: string,
  bytes: number,
  maxBytes: number,
): DeferredSweepError {
  const size = Number.isFinite(bytes) ? `${bytes} bytes` : 'more than a record can hold';
  return new DeferredSweepError(
    'DEFERRED_TOO_LARGE',
    `${subject(chain)} needs too much: ${what} takes ${size}, and all it captures may take ${maxBytes}; ` +
      'pass the path of a file with the data, or make it what the function needs and no more',
  );
}
