import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is one, or the time is over: for states that nobody tells of, as those of a server. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 30_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`${what} did not come about within ${limitMs} ms`);
    await sleep(20);
  }
}
