import { unlessRefused } from '../errors.ts';

/** The working directory; where it was removed, one that never is: nothing is found relative to it. */
export function currentDirectory(): string {
  return unlessRefused(() => process.cwd(), '/nonexistent');
}
