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
