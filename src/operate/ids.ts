/** Ids as people type them: the beginning of the random part of a name, for a dead letter with the function's number. */
import { resolve } from 'node:path';
import { printable } from '../printable.ts';

/** The part of an id that its whole file has, and the function's number or that it is a copy. */
export function partsOfId(id: string): readonly [random: string, part: string | undefined] {
  const [, random = '', part] = /^(.*?)(?:\.(\d+|damaged))?$/s.exec(id) ?? [];
  return [random, part];
}

/** Whether an id as a listing has it, or prints it, is meant. */
export function idMatcher(typed: string): (id: string) => boolean {
  const [beginning, typedPart] = partsOfId(typed);
  const isMeant = (id: string): boolean => {
    const [random, part] = partsOfId(id);
    if (beginning === '' || !random.startsWith(beginning)) return false;
    return part === typedPart || random.startsWith(typed);
  };
  return id => isMeant(id) || isMeant(printable(id));
}

/** An id that means none, or things of several files. */
export interface UnmetId {
  readonly id: string;
  readonly outcome: 'missing' | 'ambiguous';
}

/** What typed ids and paths mean, each once, and those that mean nothing clear. @param of - among what to look for an id */
export function meantBy<T extends { readonly id: string; readonly path?: string }>(
  ids: readonly string[],
  of: (id: string) => readonly T[],
): { readonly meant: readonly T[]; readonly unmet: readonly UnmetId[] } {
  const meant = new Set<T>();
  const unmet: UnmetId[] = [];
  for (const id of ids) {
    const isMeant = idMatcher(id);
    const path = id.includes('/') ? resolve(id) : undefined;
    const found = of(id).filter(one => (path === undefined ? isMeant(one.id) : one.path === path));
    const isAmbiguous = new Set(found.map(one => partsOfId(one.id)[0])).size > 1;
    if (found.length === 0 || isAmbiguous) unmet.push({ id, outcome: isAmbiguous ? 'ambiguous' : 'missing' });
    else for (const one of found) meant.add(one);
  }
  return { meant: [...meant], unmet };
}

const SHORTEST = 6;

/** The shortest beginning of at least six characters that tells each of these ids from the others, by id. */
export function shortIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const randoms = [...new Set(ids.map(id => partsOfId(id)[0]))].sort();
  const lengths = new Map<string, number>();
  for (const [at, random] of randoms.entries()) {
    const common = Math.max(commonLength(random, randoms[at - 1]), commonLength(random, randoms[at + 1]));
    lengths.set(random, Math.max(SHORTEST, common + 1));
  }
  return new Map(
    ids.map(id => {
      const [random] = partsOfId(id);
      return [id, random.slice(0, lengths.get(random)) + id.slice(random.length)];
    }),
  );
}

function commonLength(text: string, other = ''): number {
  let length = 0;
  while (length < text.length && text[length] === other[length]) length++;
  return length;
}
