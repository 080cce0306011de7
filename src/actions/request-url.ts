import { DeferredSweepError } from '../errors.ts';
import { currentInvocation } from '../function/current-invocation.ts';
import { requireKnown } from '../known-options.ts';
import { MAX_TIMER_MS } from '../log/clock.ts';
import { shown } from '../printable.ts';
import { StopCondition } from '../stop.ts';

export interface RequestUrlOptions {
  /** @defaultValue 'POST' */
  method?: string | undefined;
  headers?: Record<string, string> | undefined;
  body?: string | undefined;
  /** How often it is tried before it fails, from 1 to 20. @defaultValue 5 */
  tries?: number | undefined;
  /** Before the second try, in milliseconds; doubled each time, up to a minute. @defaultValue 500 */
  retryDelayMs?: number | undefined;
  /** For each try, in milliseconds. @defaultValue 10000 */
  timeoutMs?: number | undefined;
  /** Statuses that are success beside 200 to 299; of DELETE 404 and 410 always are: already gone. */
  acceptStatus?: readonly number[] | undefined;
}

const LONGEST_DELAY_MS = 60_000;
const MOST_TRIES = 20;
/** The server may answer another time: RFC 9110 §15, RFC 6585. */
const TEMPORARY = [408, 425, 429, 500, 502, 503, 504];

/**
 * Resolves when the server has answered with success. The body of its answer is not read. Tries again where the server
 * cannot be reached, does not answer in time or says that another time may do, after the time it asks for (Retry-After)
 * if that is within a minute. Never after the time of the deferred function is over.
 * A request may arrive more than once. Redirections are not followed: they would repeat headers elsewhere.
 * @throws TypeError, RangeError naming an option that is wrong
 * @throws DeferredSweepError `DEFERRED_ACTION_FAILED` with the last answer or error
 */
export async function requestUrl(url: string, options: RequestUrlOptions = {}): Promise<void> {
  requireKnown(options, ['method', 'headers', 'body', 'tries', 'retryDelayMs', 'timeoutMs', 'acceptStatus']);
  const target = checkUrl(url);
  const tries = whole('tries', options.tries ?? 5, 1, MOST_TRIES);
  const delayMs = whole('retryDelayMs', options.retryDelayMs ?? 500, 0, LONGEST_DELAY_MS);
  const timeoutMs = whole('timeoutMs', options.timeoutMs ?? 10_000, 1, MAX_TIMER_MS);
  const stop = new StopCondition(Number.POSITIVE_INFINITY, currentInvocation()?.signal);
  for (let number = 1; ; number++) {
    const outcome = await tryOnce(target, options, timeoutMs, stop.signal);
    if (outcome === undefined) return;
    const backOffMs = Math.min(delayMs * 2 ** (number - 1), LONGEST_DELAY_MS);
    // At random, so that many of one outage do not come back together.
    const waitMs = outcome.retryAfterMs ?? backOffMs * (0.5 + Math.random() / 2);
    if (!outcome.isTemporary || number === tries || !(await stop.waited(waitMs)))
      throw failed(target, options, number, outcome);
  }
}

interface Failure {
  readonly why: string;
  readonly isTemporary: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Returns undefined for success. */
async function tryOnce(
  url: URL,
  options: RequestUrlOptions,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Failure | undefined> {
  const limit = AbortSignal.timeout(timeoutMs);
  const { method = 'POST', headers, body } = options;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
  } catch (error) {
    // What fetch says of all failures of the network is the same; the reason is in its cause.
    const { message = String(error) } = (error as { readonly cause?: Partial<Error> }).cause ?? {};
    const why = limit.aborted ? `no answer within ${timeoutMs} ms` : message;
    return { why, isTemporary: true, cause: error };
  }
  await response.body?.cancel();
  const { status } = response;
  if (response.ok || options.acceptStatus?.includes(status)) return undefined;
  if (method.toUpperCase() === 'DELETE' && (status === 404 || status === 410)) return undefined;
  return {
    why: `it answered ${status} ${response.statusText}`.trim(),
    isTemporary: TEMPORARY.includes(status),
    retryAfterMs: retryAfter(response.headers.get('retry-after')),
  };
}

/** Seconds, or a date; what is longer than a minute is no reason to wait. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return ms >= 0 && ms <= LONGEST_DELAY_MS ? ms : undefined;
}

function checkUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new TypeError(`"url" must be an absolute http: or https: URL, got ${shown(url)}`);
}

function whole(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `option "${option}" must be a whole number from ${least} to ${most}, got ${String(value)}`,
  );
}

function failed(url: URL, options: RequestUrlOptions, tries: number, failure: Failure): DeferredSweepError {
  // Without user, password and query: they may be secret, and reports are kept.
  const target = `${url.origin}${url.pathname}`;
  return new DeferredSweepError(
    'DEFERRED_ACTION_FAILED',
    `cannot ${options.method ?? 'POST'} ${target}: ${failure.why}; tried ${tries} time${tries === 1 ? '' : 's'}`,
    { cause: failure.cause },
  );
}
