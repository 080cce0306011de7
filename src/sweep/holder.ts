/**
 * Which process holds the lock of a file, as far as reading tells. With a claim record it is a sweep: a file is claimed
 * only when its owner's lock is free. Else it is the owner, or a child that inherited the lock of a dead owner.
 */
import { fstatSync } from 'node:fs';
import { isAlive } from '../lock/process-identity.ts';
import type { HeaderRecord } from '../log/records.ts';
import { replay } from '../log/replay.ts';
import type { FileOutcome } from '../report/report.ts';
import { readPart } from '../state/file-io.ts';

export interface Holder {
  readonly state: Extract<FileOutcome, 'live' | 'held' | 'sweeping'>;
  /** Absent if the file could not be read. */
  readonly header?: HeaderRecord | undefined;
}

/** The `kind` of a claim record in CBOR. A file without these bytes has no claim. */
const CLAIM_BYTES = Buffer.from('\x64kind\x65claim', 'latin1');
/** Of a larger file, only this much of its beginning and end is searched for claims. */
const MOST_BYTES = 256 * 1024;
const MOST_KNOWN = 20_000;

/** What is known of a file. Its name is used once and its header never changes, so only its end is read again. */
interface Known {
  readonly header: HeaderRecord | undefined;
  readonly size: number;
  readonly mtimeMs: number;
  readonly isClaimed: boolean;
}

const knownByName = new Map<string, Known>();

/** @param fd - open for reading; another process holds the lock */
export function holderOf(fd: number, name: string): Holder {
  const { header, isClaimed } = know(fd, name);
  return { state: holderState(isClaimed, header), header };
}

export function holderState(isClaimed: boolean, header: HeaderRecord | undefined): Holder['state'] {
  if (isClaimed) return 'sweeping';
  return header && isAlive(header.owner) === false ? 'held' : 'live';
}

function know(fd: number, name: string): Known {
  const { size, mtimeMs } = fstatSync(fd);
  const known = knownByName.get(name);
  if (known && known.size === size && known.mtimeMs === mtimeMs) return known;
  const bytes = readPart(fd, 0, Math.min(size, MOST_BYTES));
  const header = known?.header ?? replay(bytes.subarray(0, HEADER_BYTES)).header;
  const isClaimed =
    hasClaim(bytes) || (size > MOST_BYTES && hasClaim(readPart(fd, size - MOST_BYTES, MOST_BYTES)));
  const now = { header, size, mtimeMs, isClaimed };
  if (knownByName.size >= MOST_KNOWN) knownByName.clear();
  knownByName.set(name, now);
  return now;
}

/** Enough for a header, unless its `NODE_OPTIONS` is huge. */
const HEADER_BYTES = 16 * 1024;

/** An argument may hold these bytes, too, so the records decide. */
function hasClaim(bytes: Buffer): boolean {
  return bytes.includes(CLAIM_BYTES) && replay(bytes).claim !== undefined;
}
