/** What `test/function/generated.test.ts` tries, in a realm of Jest's. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { asTest, checkGenerated } from '../../function/generated-check.ts';
import { packageRoot } from '../../helpers/command-line.ts';

const jest = join(packageRoot, 'examples/bundlers/node_modules/jest/bin/jest.js');
const skip = existsSync(jest) ? false : 'SKIPPED: Jest is not installed; npm run test:bundlers installs it';

/** At the end of its own job a function stored by source runs in Node's own realm: with its Error, and its process. */
const OTHER_REALM = /uses an error, |uses the process, |captured process$/;

for (const ending of ['close', 'crash'] as const)
  test(`in a test of Jest in its ESM mode each function and value, ${ending === 'close' ? 'at the end of its job' : 'run as an orphan'}, is equal, or was refused`, {
    skip,
  }, t => {
    checkGenerated(t, {
      ending,
      every: 1,
      ...(ending === 'close' && { documented: OTHER_REALM }),
      argv: main => {
        asTest(main);
        const config = { testEnvironment: 'node', transform: {}, testMatch: ['**/*.test.mjs'] };
        const path = join(dirname(main), 'jest.config.json');
        writeFileSync(path, JSON.stringify({ ...config, moduleFileExtensions: ['mjs', 'cjs', 'js'] }));
        return ['--experimental-vm-modules', jest, '--config', path, '--runInBand', '--no-cache'];
      },
    });
  });
