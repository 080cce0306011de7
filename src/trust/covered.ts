import { dirname } from 'node:path';
import { unlessRefused } from '../errors.ts';
import type { Trust } from './trust.ts';
import { walk } from './way.ts';

/**
 * Whether a path is one that the user trusts, or a directory above one. Those are looked up at the first question, which is rare.
 * The question is for a path without symbolic links above its last name.
 */
export function coveredBy(trust: Trust): (path: string) => boolean {
  let covered: ReadonlySet<string> | undefined;
  return path => {
    covered ??= new Set(trust.paths.flatMap(trusted => unlessRefused(() => pathsOnTheWay(trusted), [])));
    return covered.has(path);
  };
}

function pathsOnTheWay(path: string): string[] {
  const { steps, lastDirectory, resolved } = walk(path);
  const missing: string[] = [];
  for (let at = resolved; at.length > lastDirectory.path.length; at = dirname(at)) missing.push(at);
  return [...steps.map(step => step.path), ...missing];
}
