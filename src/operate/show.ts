/** All that one file says, told without a lock and without a change. */
import { basename, dirname, resolve } from 'node:path';
import { hasCode } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import { isAlive } from '../lock/process-identity.ts';
import type { StateContents } from '../log/contents.ts';
import { decodeRecord } from '../log/decode-record.ts';
import { readFrames } from '../log/frame.ts';
import type { HeaderRecord, ReportedError } from '../log/records.ts';
import { shown as shownValue } from '../printable.ts';
import { defaultBase } from '../state/default-base.ts';
import { DEAD_STEM, isMovedDeadLetter } from '../state/names.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { resolveTrust } from '../trust/trust.ts';
import { diagnose } from '../value/diagnostic.ts';
import { idMatcher } from './ids.ts';
import { pathsOf, type ShowOptions } from './list.ts';
import type { ListedFile } from './listed-file.ts';
import { lockTable, withHolders } from './liveness.ts';
import { type FilePlace, idOf, type ReadFile, readStateFile } from './read-file.ts';

/** One stretch of a file. */
export interface ShownRecord {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Where it ends: the offset of the next. */
  readonly end: number;
  /** Of the record; `unknown` for one of another version, `damaged` and `torn` for what is none. */
  readonly kind: string;
  /** The record in diagnostic notation; absent for what is none. */
  readonly diagnostic?: string;
}

/** An attempt from before a retry. */
export interface EarlierAttempt {
  readonly functionId: number;
  readonly attempt: number;
  readonly endedAtEpochMs: number;
  readonly error?: ReportedError;
}

export interface ShownFile extends ListedFile {
  readonly records: readonly ShownRecord[];
  readonly earlierAttempts: readonly EarlierAttempt[];
  /** Absent where that cannot be told here. */
  readonly isOwnerAlive?: boolean;
  /** What its runner will restore. */
  readonly surroundings?: Pick<HeaderRecord, 'node' | 'nodePath' | 'execArgv' | 'umask'> & {
    readonly cwd: string | null;
    readonly createdAtEpochMs: number;
  };
}

/**
 * Shows the files whose id begins so, or the file of this path. Several for the dead letters of one state file, and for a
 * beginning that is not unique; none where there is no such file.
 * @param idOrPath - an id, of a dead letter also with the function's number (`0723eb.2`); with a slash: a path
 * @throws as `list`
 */
export async function show(
  idOrPath: string,
  stateDirBase: string = defaultBase(),
  options: ShowOptions = {},
): Promise<readonly ShownFile[]> {
  if (typeof idOrPath !== 'string')
    throw new TypeError(`"idOrPath" must be an id or the path of a file, got ${shownValue(idOrPath)}`);
  requireKnown(options, ['trustedPaths', 'trustedGroups']);
  const trust = resolveTrust(options.trustedPaths, options.trustedGroups);
  const isMeant = idMatcher(idOrPath);
  const found = idOrPath.includes('/')
    ? [pathGiven(idOrPath)]
    : pathsOf(new StateDirectory(stateDirBase, { trust })).filter(({ path }) =>
        isMeant(idOf(basename(path))),
      );
  const locks = lockTable();
  return withHolders(
    found.flatMap(place => {
      const read = readStateFile(place, locks, trust);
      return read ? [shown(read)] : [];
    }),
  );
}

function pathGiven(path: string): FilePlace {
  const absolute = resolve(path);
  const isDead = basename(dirname(absolute)) === DEAD_STEM || isMovedDeadLetter(basename(absolute));
  return { path: absolute, where: isDead ? 'dead' : 'live' };
}

function shown({ listed, contents, bytes }: ReadFile): ShownFile {
  const { header } = contents;
  const isOwnerAlive = header && isAlive(header.owner);
  return {
    ...listed,
    ...(isOwnerAlive !== undefined && { isOwnerAlive }),
    records: recordsOf(bytes, header),
    earlierAttempts: earlierAttemptsOf(contents),
    ...(header && { surroundings: surroundingsOf(header) }),
  };
}

function surroundingsOf({ node, nodePath, execArgv, umask, cwd, createdAtEpochMs }: HeaderRecord) {
  return { node, nodePath, execArgv, umask, cwd: cwd?.path ?? null, createdAtEpochMs };
}

/** As the reader of state files takes them: a frame with another file's salt is damage here. */
function recordsOf(bytes: Buffer, header: HeaderRecord | undefined): ShownRecord[] {
  const frames = readFrames(bytes, payload => recordKind(payload, header) !== 'damaged');
  return Array.from(frames, stretch => {
    const { offset, end, kind } = stretch;
    if (kind !== 'frame') return { offset, end, kind };
    return { offset, end, kind: recordKind(stretch.payload, header), diagnostic: diagnose(stretch.payload) };
  });
}

function recordKind(payload: Buffer, header: HeaderRecord | undefined): string {
  try {
    const { record, salt } = decodeRecord(payload);
    if (header && Buffer.compare(header.salt, salt) !== 0) return 'damaged';
    return record?.kind ?? 'unknown';
  } catch (error) {
    if (hasCode(error, 'DEFERRED_STATE_CORRUPT')) return 'damaged';
    if (hasCode(error, 'DEFERRED_STATE_VERSION')) return 'unknown';
    throw error;
  }
}

function earlierAttemptsOf({ functions }: StateContents): EarlierAttempt[] {
  return [...functions.values()].flatMap(({ record, history }) =>
    history
      .filter(mark => mark.kind === 'done')
      .map(({ attempt, atEpochMs, error }) => ({
        functionId: record.id,
        attempt,
        endedAtEpochMs: atEpochMs,
        ...(error && { error }),
      })),
  );
}
