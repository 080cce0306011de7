import { setTimeout as sleep } from 'node:timers/promises';
import { abandon, type PgClient } from './driver.ts';

/** How long the other side has to end its side of a connection. */
const END_PATIENCE_MS = 3000;

/** Before the second try, and the most before a later one: doubled each time, at random up to this. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/** What `work` gives, or once the time is over a rejection with what `late` makes of what the server did. */
export async function withinPatience<T>(
  work: Promise<T>,
  patienceMs: number,
  late: (what: string) => Error,
): Promise<T> {
  let limit: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    limit = setTimeout(() => reject(late(`did not answer within ${patienceMs} ms`)), patienceMs);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(limit);
  }
}

/** Waits before the next try. Keeps no thread alive. @param tries - how many there were, at least 1 */
export async function pause(tries: number): Promise<void> {
  const ms = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS);
  await sleep(ms * (0.5 + Math.random() / 2), undefined, { ref: false });
}

/** Never rejects, and takes some seconds at most. */
export async function endClient(client: PgClient): Promise<void> {
  const ended = withinPatience(client.end(), END_PATIENCE_MS, message => new Error(message));
  // The other side does not answer; its own end of the connection is left to the kernel.
  await ended.catch(() => abandon(client));
}
