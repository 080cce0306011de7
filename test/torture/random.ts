/** Random choices that a seed repeats. */

export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** One of the keys, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/** What all random choices of a run come from: `TORTURE_SEED`, or another one each time. Tell it, so that it can be repeated. */
export function tortureSeed(): number {
  return Number(process.env.TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 31));
}

/** @param parts - numbers that name a stream: the seed, and what it is for */
export function randomOf(...parts: readonly number[]): Random {
  // SplitMix32 (a Weyl sequence, then a mix): every stream begins elsewhere in it.
  let state = 0x9e3779b9;
  for (const part of parts) state = mix((state ^ part) >>> 0);
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix(state) / 2 ** 32;
  };
  const whole = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    whole,
    chance: probability => next() < probability,
    pick: from => from[whole(0, from.length - 1)]!,
    weighted: weights => {
      const entries = Object.entries(weights) as [keyof typeof weights, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [key, weight] of entries) {
        left -= weight;
        if (left < 0) return key;
      }
      return entries[0]![0];
    },
  };
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
