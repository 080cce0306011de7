/**
 * Dead letters: functions that will not run again, with the reason. `docs/format.md`, section "Dead letters".
 *
 * The holder of the state file's lock writes the letter before the final mark. Should it die between the two, another
 * process writes it again, under the same name.
 */
import { constants, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unlessRefused } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { frameRecord } from '../log/encode-record.ts';
import type { DoneRecord, HeaderRecord, StateRecord } from '../log/records.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import { FILE_MODE, setFileMode, stateIo, syncDirectory } from './file-io.ts';
import { DAMAGED_SUFFIX, WIP_SUFFIX } from './names.ts';
import type { StateDirectory } from './state-directory.ts';

const WRITE_FLAGS = constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY | constants.O_NOFOLLOW;

/** Where the dead letter of one function is, once its file has the final mark. */
export function letterPath(directory: StateDirectory, fileName: string, id: number): string {
  return join(directory.deadPath, `${fileName}-${id}`);
}

/** Writes a state file of header, registration, attempts and final error. Returns its path; it is durable then. */
export function writeDeadLetter(
  directory: StateDirectory,
  fileName: string,
  header: HeaderRecord,
  registered: RegisteredFunction,
  final: DoneRecord,
): string {
  const records: StateRecord[] = [header, registered.record, ...registered.history];
  for (const { attempt, start, done } of registered.attempts) {
    if (start) records.push(start);
    if (done && attempt !== final.attempt) records.push(done);
  }
  records.push(final);
  const path = letterPath(directory, fileName, registered.record.id);
  const frames = records.map(record => frameRecord(record, header.salt, path));
  return writeDead(directory, path, Buffer.concat(frames));
}

/** Copies a damaged state file among the dead letters. Returns the path of the copy; it is durable then. */
export function copyDamaged(directory: StateDirectory, fileName: string, bytes: Buffer): string {
  return writeDead(directory, join(directory.deadPath, fileName + DAMAGED_SUFFIX), bytes);
}

/** Moves a damaged state file, locked by the caller, among the dead letters. Returns its new path. */
export function moveDamaged(directory: StateDirectory, path: string): string {
  const deadPath = join(directory.deadPath, basename(path) + DAMAGED_SUFFIX);
  return stateIo(`move ${path} to ${directory.deadPath}`, path, () => {
    directory.ensureDead();
    renameSync(path, deadPath);
    return deadPath;
  });
}

function writeDead(directory: StateDirectory, path: string, bytes: Buffer): string {
  return stateIo(`write the dead letter ${path}`, path, () => {
    directory.ensureDead();
    try {
      writeDurably(path + WIP_SUFFIX, bytes);
      renameSync(path + WIP_SUFFIX, path);
    } catch (error) {
      // On a full disk half a letter would take room that others need. The next attempt writes it anew.
      unlessRefused(() => unlinkSync(path + WIP_SUFFIX), undefined);
      throw error;
    }
    syncDirectory(directory.deadPath);
    syncDirectory(directory.path); // holds the name `dead/`
    return path;
  });
}

function writeDurably(path: string, bytes: Buffer): void {
  const fd = openSync(path, WRITE_FLAGS, FILE_MODE);
  try {
    setFileMode(fd);
    writeFileSync(fd, bytes);
    fsyncSync(fd);
  } finally {
    closeDescriptor(fd);
  }
}
