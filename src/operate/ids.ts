/** Ids as people type them: the beginning of the random part of a name, for a dead letter with the function's number. Pure. */

/** Whether an id as a listing has it is meant. */
export function idMatcher(typed: string): (id: string) => boolean {
  const [beginning = '', number] = typed.split('.');
  return id => {
    if (id === typed) return true;
    const [random = '', functionId] = id.split('.');
    return (
      beginning !== '' && random.startsWith(beginning) && (number === undefined || number === functionId)
    );
  };
}

/** An id that means none, or things of several files. */
export interface UnmetId {
  readonly id: string;
  readonly outcome: 'missing' | 'ambiguous';
}

/** What typed ids mean, each once, and the ids that mean nothing clear. @param of - among what to look for an id */
export function meantBy<T extends { readonly id: string }>(
  ids: readonly string[],
  of: (id: string) => readonly T[],
): { readonly meant: readonly T[]; readonly unmet: readonly UnmetId[] } {
  const meant = new Set<T>();
  const unmet: UnmetId[] = [];
  for (const id of ids) {
    const isMeant = idMatcher(id);
    const found = of(id).filter(one => isMeant(one.id));
    const isAmbiguous = new Set(found.map(one => one.id.split('.')[0])).size > 1;
    if (found.length === 0 || isAmbiguous) unmet.push({ id, outcome: isAmbiguous ? 'ambiguous' : 'missing' });
    else for (const one of found) meant.add(one);
  }
  return { meant: [...meant], unmet };
}

const SHORTEST = 6;

/** The shortest beginning of at least six characters that tells each of these ids from the others, by id. */
export function shortIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const randoms = [...new Set(ids.map(id => id.split('.')[0]!))].sort();
  const lengths = new Map<string, number>();
  for (const [at, random] of randoms.entries()) {
    const common = Math.max(commonLength(random, randoms[at - 1]), commonLength(random, randoms[at + 1]));
    lengths.set(random, Math.max(SHORTEST, common + 1));
  }
  return new Map(
    ids.map(id => {
      const [random = '', functionId] = id.split('.');
      const short = random.slice(0, lengths.get(random));
      return [id, functionId === undefined ? short : `${short}.${functionId}`];
    }),
  );
}

function commonLength(text: string, other = ''): number {
  let length = 0;
  while (length < text.length && text[length] === other[length]) length++;
  return length;
}
