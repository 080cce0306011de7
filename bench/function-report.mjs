import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';

/** Prints what a figure is worth nothing without. */
export function printMachine() {
  const [cpu] = cpus();
  console.log(
    `${cpu?.model ?? 'unknown processor'}, ${cpus().length} processors, ${process.platform}, Node ${process.version}\n`,
  );
}

/**
 * Runs the candidates by turns, so that a slow moment of the machine hits all alike, and prints the best and the median
 * time of one call. Returns the medians, in microseconds.
 * @param candidates name → a function that makes `calls` calls, or a promise of having made them
 */
export async function compare(candidates, calls, rounds) {
  const times = new Map(Object.keys(candidates).map(name => [name, []]));
  for (let round = -2; round < rounds; round++) {
    for (const [name, body] of Object.entries(candidates)) {
      const start = performance.now();
      await body();
      const microseconds = ((performance.now() - start) * 1000) / calls;
      if (round >= 0) times.get(name).push(microseconds);
    }
  }
  const medians = {};
  const width = Math.max(...Object.keys(candidates).map(name => name.length));
  for (const [name, all] of times) {
    all.sort((a, b) => a - b);
    medians[name] = all[Math.floor(all.length / 2)];
    console.log(
      `${name.padEnd(width)}  best ${all[0].toFixed(2).padStart(9)} us  median ${medians[name].toFixed(2).padStart(9)} us  worst ${all.at(-1).toFixed(2).padStart(9)} us`,
    );
  }
  console.log('');
  return medians;
}
