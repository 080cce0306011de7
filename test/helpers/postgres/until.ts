import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is one, or 30 s are over: for states of the server, which tells nobody of them. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`${what} did not come about within 30 s`);
    await sleep(20);
  }
}
