/** The function that `watch.mjs` measures: it says when it began. */
import { writeFileSync } from 'node:fs';

export function noteStart(path) {
  writeFileSync(path, String(Date.now()));
}
