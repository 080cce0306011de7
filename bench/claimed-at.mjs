/** When a state file was claimed first, in milliseconds since 1970: read with the modules of the build that wrote it. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function claimedAt(build, bytes) {
  const load = name => import(pathToFileURL(join(build, 'dist/log', name)));
  const { readFrames } = await load('frame.js');
  const { decodeRecord } = await load('decode-record.js');
  for (const stretch of readFrames(bytes, () => true)) {
    const { record } = decodeRecord(stretch.payload);
    if (record.kind === 'claim') return record.atEpochMs;
  }
  throw new Error('the file was not claimed');
}
