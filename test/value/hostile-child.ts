/** Checks, decodes and restores the hostile samples named by its arguments, and prints for each its name and what came of it. */
import { checkBounds } from '#dist/value/bounds.js';
import { decode } from '#dist/value/codec.js';
import { restore } from '#dist/value/decode.js';
import { hostileSamples } from './hostile-samples.js';

for (const name of process.argv.slice(2)) {
  const bytes = hostileSamples[name]!();
  console.log(
    `${name}: ${outcomeOf(() => checkBounds(bytes))}, ${outcomeOf(() => decode(bytes))}, ${outcomeOf(() => restore(bytes))}`,
  );
}

function outcomeOf(read: () => unknown): string {
  try {
    read();
    return 'returned';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
