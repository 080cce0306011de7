const { mkdtempSync, existsSync, promises, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { DeferredFunctionManager } = require('deferred-sweep');

test('a job runs its functions at its end', async () => {
  const base = mkdtempSync(join(require('node:os').tmpdir(), 'jest-'));
  const [byName, byValue] = [join(base, 'by-name'), join(base, 'by-value')];
  const manager = new DeferredFunctionManager(base);
  await manager.run(async defer => {
    writeFileSync(byName, '');
    defer(promises.rm, byName);
    defer(async path => (await import('node:fs')).writeFileSync(path, 'it ran'), byValue);
  });
  expect([existsSync(byName), existsSync(byValue)]).toEqual([false, true]);
  rmSync(base, { recursive: true });
});
