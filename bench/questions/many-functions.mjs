/** How long does a sweep take that finds one dead owner with many functions? */
import { measureSweeps } from '../sweeps.mjs';

export const about = {
  title: 'Sweep one dead owner with many functions',
  unit: 'ms',
  axis: 'functions of the dead owner',
  text: 'As above, with one file. The floor is the calls for the file, and two write(2) of 79 bytes for each function.',
  aims: look => [look.rate("one dead owner's 10,000 functions", { size: 10_000, aim: 20_000 })],
};

export async function measure(run) {
  for (const size of run.isBrief ? [10] : [10, 100, 1000, 10_000])
    await measureSweeps(run, { size, files: 1, functions: size, withPeers: true, rounds: 7 });
}
