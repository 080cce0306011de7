import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { DeferredFunctionManager } from '#dist/index.js';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

test('a fault of an orphan that lasts is logged once by a manager, and again when it comes back', async t => {
  const { base, ledger } = freshPlace(t);
  const options = { retryDelayMs: 3_600_000 };
  const calls = [{ do: 'throw', text: 'o', message: 'not today' } as const];
  const path = await leaveOrphan(t, { base, ledger, options, calls });
  const warnings: string[] = [];
  const logger = { info() {}, warn: (message: string) => warnings.push(message) };
  const manager = new DeferredFunctionManager(base, { ...options, logger });
  const told = async (times: number, pattern: RegExp): Promise<void> => {
    for (let jobs = 0; jobs < 2; jobs++) await (await manager.open()).close();
    assert.equal(warnings.length, times, warnings.join('\n'));
    for (const warning of warnings.splice(0)) assert.match(warning, pattern);
  };

  chmodSync(path, 0o666);
  await told(1, /refused: will not read .*write/);
  chmodSync(path, 0o600);
  await told(1, /not today/);
  chmodSync(path, 0o666);
  await told(1, /refused: will not read .*write/);
  await manager.close();
});
