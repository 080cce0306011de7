import { dirname } from 'node:path';
import { unlessRefused } from '../errors.ts';
import type { Trust } from './trust.ts';
import { walk } from './way.ts';

/** The paths that the user trusts, and all directories above them. Looked up at the first question, which is rare. */
export class Covered {
  readonly #trust: Trust;
  #paths: Set<string> | undefined;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  /** @param path - without symbolic links above its last name */
  has(path: string): boolean {
    if (this.#trust.paths.length === 0) return false;
    this.#paths ??= new Set(this.#trust.paths.flatMap(path => unlessRefused(() => pathsOnTheWay(path), [])));
    return this.#paths.has(path);
  }
}

function pathsOnTheWay(path: string): string[] {
  const { steps, lastDirectory, resolved } = walk(path);
  const missing: string[] = [];
  for (let at = resolved; at.length > lastDirectory.path.length; at = dirname(at)) missing.push(at);
  return [...steps.map(step => step.path), ...missing];
}
