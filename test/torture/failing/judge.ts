/**
 * What may come of a program one of whose system calls failed. It ends by itself, and says what it says by documented
 * codes. What threw was not registered; everything else ran exactly once, its marks failing or not: the process lives,
 * and knows what it ran. Only what failed by itself is tried again, and what is delivered at most once may be given up.
 *
 * Where no mark can be written for as long as the process lives, and the file must stay because something in it failed,
 * nobody is told: the next process may run once more what is to run at least once.
 */
import { breachesOf, type Outcome, repeated, timesRun, toldOf } from '../walk/promises.ts';
import { DOCUMENTED } from './documented.ts';

export function judgeFailing(
  outcome: Outcome,
  { marksMayBeLost = false }: { marksMayBeLost?: boolean } = {},
): string[] {
  const { ended, lane } = outcome;
  const { exitCodes = [0] } = lane.scenario;
  const breaches = [...breachesOf(outcome, marksMayBeLost ? 1 : 0)];
  if (ended.hangingProcesses !== undefined) breaches.push(`it hung: ${ended.hangingProcesses}`);
  else if (ended.signal !== null) breaches.push(`it crashed: ${ended.signal} ${ended.stderr}`);
  else if (!exitCodes.includes(ended.code ?? -1))
    breaches.push(`it exited with ${ended.code}: ${ended.stderr}`);
  for (const line of ended.told) {
    if (line.startsWith('raw ')) breaches.push(`it threw ${line.slice(4)}`);
    for (const code of codesIn(line))
      if (!DOCUMENTED.includes(code)) breaches.push(`it said ${code}: ${line}`);
  }
  // strace makes a close(2) fail by not making it.
  if (!ended.trace.some(line => line.startsWith('close(') && line.endsWith('(INJECTED)')))
    breaches.push(...toldOf(outcome, 'open').map(path => `it left open ${path}`));
  // Node says its version when it ends over an error that nobody caught.
  if (!lane.isGated && /^Node\.js v/m.test(ended.stderr)) breaches.push(`it wrote ${ended.stderr}`);
  for (const name of repeated(outcome)) {
    const times = timesRun(outcome, name);
    if (!marksMayBeLost || times > 2) breaches.push(`${name} ran ${times} times`);
  }
  return breaches;
}

/** The codes of what a step threw, or of what the command line or a report says of directories and files. */
function codesIn(line: string): string[] {
  if (line.startsWith('threw ')) return [line.slice(6)];
  if (!line.startsWith('{')) return [];
  const { error, files = [] } = JSON.parse(line) as Said & { files?: readonly Said[] };
  return [error, ...files.map(file => file.error)].flatMap(said =>
    said === undefined ? [] : [said.code ?? 'an error without a code'],
  );
}

interface Said {
  readonly error?: { readonly code?: string };
}
