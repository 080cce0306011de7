/** Laws that try much: `npm test` tries a part of it, `npm run test:full` all. */

export const isFull: boolean = process.env.TEST_SIZE === 'full';

/** For the `skip` option of what only the whole adds. */
export const onlyFull: string | false = isFull ? false : 'takes long; run it with npm run test:full';

/** How often to try what is random: `all` times, or a fifth. */
export function trials(all: number): number {
  return isFull ? all : Math.ceil(all / 5);
}

/** All points, or `most` of them: evenly spread, from a random one on, so that many runs meet each. */
export function sample<Point>(points: readonly Point[], most: number): Point[] {
  if (isFull || points.length <= most) return [...points];
  const step = points.length / most;
  const first = Math.random() * step;
  return Array.from({ length: most }, (_, index) => points[Math.floor(first + index * step)] as Point);
}
