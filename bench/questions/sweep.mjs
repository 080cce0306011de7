/** How long does a sweep take, from the start of its process to its end, and how does that grow with the orphans? */
import { measureSweeps } from '../sweeps.mjs';

export const about = {
  title: 'Sweep many dead owners',
  unit: 'ms',
  axis: 'orphans of one function each',
  text: 'A process of its own sweeps, from its start to its end. Ours starts a runner, a second Node, in which the functions run; the peers run them themselves. The floor makes the calls for each orphan. The original was measured in a process that was up.',
  aims: look => [
    look.wholeSweep('sweep 1,000 orphans, whole process', { size: 1000, aim: 1.5 }),
    look.perFile(
      'what a file adds, at 100, 1,000, 10,000 and 100,000',
      [100, 1000, 10_000, 100_000],
      '≤ 1.25 between them',
    ),
  ],
};

const ALL = [1, 10, 100, 1000, 10_000, 100_000];
/** Larger ones are only measured beside the floor, in fewer rounds. */
const PEERS_UP_TO = 1000;

export async function measure(run) {
  const sizes = run.isBrief ? [10] : ALL;
  for (const size of sizes)
    await measureSweeps(run, {
      size,
      files: size,
      functions: 1,
      withPeers: size <= PEERS_UP_TO,
      rounds: size <= 1000 ? 7 : size <= 10_000 ? 2 : 1,
    });
}
