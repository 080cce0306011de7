// node scripts/run-tests.mjs CONCURRENCY TIMEOUT-MS FILE...: runs test files as `node --test` does, which would take them by their names.
// The largest is first here: it tends to take longest, and one that comes last runs while the other cores have nothing to do.
import { statSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const [concurrency, timeout, ...names] = process.argv.slice(2);
const files = names
  .map(name => ({ name, bytes: statSync(name).size }))
  .sort((one, other) => other.bytes - one.bytes)
  .map(({ name }) => name);
run({ files, concurrency: Number(concurrency), timeout: Number(timeout) })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .compose(spec)
  .pipe(process.stdout);
