/** The figures that the page is drawn from: bench/results.json. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const RESULTS = fileURLToPath(new URL('../results.json', import.meta.url));

/**
 * `questions`: name → `date`, `commit`, `load` of the last minute before it, `machine`, `rows`. A row has `who`, `best`, `median`,
 * `rounds`, perhaps `size`, and `unit` where it is not the question's.
 */
export function readResults() {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : { questions: {} };
}

export function writeResults(results) {
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}
