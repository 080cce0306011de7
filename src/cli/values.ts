/** Values of options. Pure. */
import { MAX_TIMER_MS } from '../log/clock.ts';
import { UsageError } from './exit.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of a time such as `500ms`, `30s`, `1.5m`; `0` needs no unit. @throws UsageError */
export function parseTime(option: string, text: string): number {
  const ms = /d$/.test(text) ? undefined : millisecondsOf(text);
  if (ms !== undefined && ms <= MAX_TIMER_MS) return ms;
  throw new UsageError(`${option} must be a time like 500ms, 30s, 5m or 1h, at most 24 days, got ${text}`);
}

/** Milliseconds of an age such as `30m`, `2h`, `30d`. @throws UsageError */
export function parseAge(option: string, text: string): number {
  const ms = millisecondsOf(text);
  if (ms !== undefined && Number.isSafeInteger(ms)) return ms;
  throw new UsageError(`${option} must be an age like 30m, 2h or 30d, got ${text}`);
}

/** @throws UsageError */
export function parseCount(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a whole number of at least 1, got ${text}`);
}

/** By number: a name may mean another user or group in another container. @throws UsageError */
export function parseId(option: string, text: string, whose: 'user' | 'group'): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a ${whose} id, got ${text}`);
}

/** @throws UsageError for one that is not among `known` */
export function parseStates<T extends string>(
  text: string | undefined,
  known: readonly T[],
): readonly T[] | undefined {
  return text?.split(',').map(word => {
    const state = known.find(one => one === word);
    if (state === undefined) throw new UsageError(`--state must be some of ${known.join(', ')}, got ${word}`);
    return state;
  });
}

function millisecondsOf(text: string): number | undefined {
  if (text === '0') return 0;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return amount === undefined ? undefined : Math.ceil(Number(amount) * UNIT_MS[unit]!);
}
