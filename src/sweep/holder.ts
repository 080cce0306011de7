/** Which process holds the lock of a file, as far as reading tells. */
import type { BigIntStats } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { inodeKey } from '../lock/held-file.ts';
import { isAlive, type ProcessIdentity } from '../lock/process-identity.ts';
import { epochMs } from '../log/clock.ts';
import type { HeaderRecord } from '../log/records.ts';
import { headerFrameOf, headerOf, replay } from '../log/replay.ts';
import type { FileReport } from '../report/report.ts';
import { readPart } from '../state/file-io.ts';

/** The `kind` of a claim record in CBOR. A file without these bytes has no claim. */
const CLAIM_BYTES = Buffer.from('\x64kind\x65claim', 'latin1');
/** Of a larger file, only this much of its beginning and end is searched for claims. */
const MOST_BYTES = 256 * 1024;
const MOST_KNOWN = 20_000;

/** Of a file, a moment ago. */
type FileStat = Pick<BigIntStats, 'size' | 'mtimeNs' | 'dev' | 'ino'>;

/** What is known of a file. Its path is used once and its header never changes, so that is not decoded again. */
interface Known {
  readonly size: number;
  /** Of its last change, since 1970: the nearest double. */
  readonly modifiedNs: number;
  readonly inode: string;
  readonly header: HeaderRecord | undefined;
  readonly isClaimed: boolean;
}

const knownByPath = new Map<string, Known>();

/** What was known of a file when it was last seen locked. */
export function lastKnown(path: string): Known | undefined {
  return knownByPath.get(path);
}

/** The report of a file whose lock another process holds. */
export function lockedReport(path: string, known: Known, lastOwner: LastOwner): FileReport {
  const { header, isClaimed } = known;
  const outcome = holderState(isClaimed, header, lastOwner);
  const state = { functions: [], isRetired: false, pending: 0 };
  if (!header) return { path, outcome, ...state };
  const { owner, label } = header;
  const ageMs = Math.max(0, epochMs() - header.createdAtEpochMs);
  return { path, outcome, owner, ageMs, ...(label !== null && { label }), ...state };
}

/** A file is claimed only when its owner's lock is free. `held`: a child has inherited the lock of a dead owner. */
export function holderState(
  isClaimed: boolean,
  header: HeaderRecord | undefined,
  lastOwner: LastOwner = new LastOwner(),
): 'live' | 'held' | 'sweeping' {
  if (isClaimed) return 'sweeping';
  return header && lastOwner.isDead(header.owner) ? 'held' : 'live';
}

/** What one sweep last asked about an owner, which has a file for each job, one behind the other. */
export class LastOwner {
  #owner: ProcessIdentity | undefined;
  #isDead = false;
  #untilMs = 0;

  /** False if this process cannot tell. */
  isDead(identity: ProcessIdentity): boolean {
    const nowMs = performance.now();
    if (!isSameProcess(identity, this.#owner) || nowMs >= this.#untilMs) {
      this.#isDead = isAlive(identity) === false;
      this.#owner = identity;
      this.#untilMs = nowMs + ANSWER_HOLDS_MS;
    }
    return this.#isDead;
  }
}

/** As if the sweep had asked a moment earlier. */
const ANSWER_HOLDS_MS = 10;

/** By its fields: this is asked for each live file, and `isDeepStrictEqual` takes a tenth of the time of a look. */
function isSameProcess(one: ProcessIdentity, other: ProcessIdentity | undefined): boolean {
  return (
    one.pid === other?.pid &&
    one.startTicks === other.startTicks &&
    one.pidNamespace === other.pidNamespace &&
    one.bootId === other.bootId &&
    one.host === other.host
  );
}

/** Reads what is to be known of a file that another process has locked. @param fd - open for reading */
export function know(fd: number, path: string, stat: FileStat): Known {
  const size = Number(stat.size);
  const modifiedNs = Number(stat.mtimeNs);
  const inode = inodeKey(stat);
  const known = knownByPath.get(path);
  if (known?.inode === inode && known.size === size && known.modifiedNs === modifiedNs) return known;
  const bytes = readPart(fd, 0, Math.min(size, MOST_BYTES));
  const header = known?.header ?? headerOf(bytes);
  const isClaimed = hasClaim(bytes) || (size > MOST_BYTES && hasClaim(endOf(fd, size, bytes)));
  const now = { size, modifiedNs, inode, header, isClaimed };
  if (knownByPath.size >= MOST_KNOWN) knownByPath.clear();
  knownByPath.set(path, now);
  return now;
}

/** The end of a large file behind its header, without which no record counts. */
function endOf(fd: number, size: number, beginning: Buffer): Buffer {
  return Buffer.concat([headerFrameOf(beginning), readPart(fd, size - MOST_BYTES, MOST_BYTES)]);
}

/** An argument may hold these bytes, too, so the records decide. */
function hasClaim(bytes: Buffer): boolean {
  return bytes.includes(CLAIM_BYTES) && replay(bytes).claim !== undefined;
}
