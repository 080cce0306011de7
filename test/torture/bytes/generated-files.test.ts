/** A million state files that something happened to: none crashes or hangs its reader, or makes it run what nobody registered. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { timeFor } from '../budget.ts';
import { tortureSeed } from '../random.ts';
import { addRow } from '../table.ts';
import type { Batch } from './reader.ts';

const FILES = 1_000_000;
/** Files read by one process: what it leaks shows before its end. */
const FILES_EACH = 100_000;
const MEMORY_BYTES = 400 * 2 ** 20;
/** A batch takes well under a second; more than this is a hang. */
const PATIENCE_MS = 120_000;

const READER = fileURLToPath(new URL('./reader.js', import.meta.url));

test('no bytes crash, hang or bloat the reader of a state file, or make up a function', async t => {
  const seed = tortureSeed();
  const until = performance.now() + timeFor('bytes') * 0.8;
  let [read, maxRssBytes] = [0, 0];
  const found: string[] = [];
  t.diagnostic(`TORTURE_SEED=${seed}`);
  while (read < FILES && performance.now() < until) {
    const reader = fork(READER, [`${seed}`, `${read}`, `${Math.min(FILES_EACH, FILES - read)}`], {
      execArgv: ['--max-old-space-size=128'],
    });
    let timer: NodeJS.Timeout | undefined;
    // Not by the clock alone: a reader that hangs is still hanging when the time is over.
    let isToldToEnd = false;
    const restart = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => reader.kill('SIGKILL'), PATIENCE_MS);
    };
    restart();
    reader.on('message', (batch: Batch) => {
      restart();
      read += batch.read;
      maxRssBytes = Math.max(maxRssBytes, batch.maxRssBytes);
      found.push(...batch.found);
      if (performance.now() < until) return;
      isToldToEnd = true;
      reader.kill('SIGKILL');
    });
    const [code, signal] = (await once(reader, 'close')) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    if (code !== 0 && !isToldToEnd) {
      found.push(
        `seed ${seed}, a file from ${read} to ${read + 500}: the reader ended with ${code ?? signal}`,
      );
      break;
    }
  }
  addRow({
    part: 'bytes',
    what: `generated state files, seed ${seed}`,
    tried: read,
    of: FILES,
    found: found.length,
  });
  t.diagnostic(`${read} files, at most ${Math.round(maxRssBytes / 2 ** 20)} MiB`);
  assert.deepEqual(found.slice(0, 20), []);
  assert.ok(read >= 1000, `only ${read} files`);
  assert.ok(maxRssBytes < MEMORY_BYTES, `${maxRssBytes} bytes of memory`);
});
