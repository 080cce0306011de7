/** The addon compiled with AddressSanitizer and UndefinedBehaviorSanitizer: its tests make it do nothing that is undefined. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { test } from 'node:test';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { MINUTES } from '../budget.ts';
import { addRow, TABLE } from '../table.ts';
import { copyPackage, replaceAddon } from './addon-copy.ts';
import { AddonBuild, compilerMissing, type Tampering } from './build-addon.ts';

const FLAGS = [
  // The last is not among the undefined ones; a conversion of that kind is what ToInteger guards against.
  '-fsanitize=address,undefined,float-cast-overflow',
  // Needs run-time type information; would be first to see what is AddressSanitizer's.
  '-fno-sanitize=vptr,object-size',
  // What is undefined is an illegal instruction, which AddressSanitizer reports with its stack: beside it, the other's
  // own reports go to standard error only, which many a test discards.
  '-fsanitize-undefined-trap-on-error',
];
/** Of a host without Node, where the sanitizers' runtime is not; of a program that is not the addon. */
const OTHER_PROCESSES = ['musl.test.js', 'become-user.test.js'];
/** What a program under the sanitizers ends with when they have found something. */
const FOUND = 86;

const tampered: readonly (Tampering & { readonly what: RegExp })[] = [
  {
    what: /heap-buffer-overflow/,
    source: 'native/file_lock_posix.cc',
    words: 'int operation = LOCK_UN;',
    by: 'int operation = LOCK_UN; volatile char* heap = new char[4]; heap[4 + (descriptor & 1)] = 1; delete[] heap;',
  },
  {
    what: /heap-use-after-free/,
    source: 'native/watchdog_timer.cc',
    words: 'struct itimerspec time = {};',
    by: 'struct itimerspec time = {}; volatile char* heap = new char[4]; delete[] heap; heap[0] = 1;',
  },
  {
    what: /AddressSanitizer: ILL .*SetFlockLock/s,
    source: 'native/file_lock_posix.cc',
    words: 'int operation = LOCK_UN;',
    by: 'int operation = LOCK_UN; volatile int most = 0x7fffffff; most = most + descriptor;',
  },
  {
    what: /AddressSanitizer: ILL .*ToInteger/s,
    source: 'native/binding.cc',
    words: 'number >= 0 && number <= max && ',
    by: '',
  },
];

const runtime = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const skip =
  compilerMissing() ??
  (process.platform === 'linux' && isAbsolute(runtime)
    ? false
    : 'NOT TESTED: g++ has no AddressSanitizer (libasan.so) here');

test('under the sanitizers the addon passes its tests; a broken addon does not', { skip }, async t => {
  const directory = freshDirectory(t);
  const [copy, objects, reports] = ['copy', 'objects', 'reports'].map(name => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [objects, reports]) mkdirSync(path);
  const build = new AddonBuild(objects, FLAGS);
  copyPackage(copy, await build.link('whole'));

  const env = {
    ...process.env,
    LD_PRELOAD: runtime,
    // What leaks is Node's: it frees little at its end. The addon's own is for valgrind.test.ts.
    ASAN_OPTIONS: `detect_leaks=0:handle_sigill=1:exitcode=${FOUND}:log_path=${join(reports, 'report')}`,
    NODE_TEST_CONTEXT: undefined,
    [TABLE]: undefined,
    // Of the torture's tests as much as there is time for; without a bound, one minute's share.
    [MINUTES]: `${process.env[MINUTES] === undefined ? 4 : Number(process.env[MINUTES]) / 4}`,
  };
  const run = async (
    ...args: string[]
  ): Promise<{ code: number | null; output: string; found: string[] }> => {
    const child = spawn(process.execPath, args, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    const found = readdirSync(reports).map(name => {
      const report = readFileSync(join(reports, name), 'utf8');
      rmSync(join(reports, name)); // the next run has its own
      return report;
    });
    return { code, output, found };
  };

  const folder = join(copy, 'dist-test');
  const files = ['native', 'lock'].flatMap(part => testsIn(join(folder, part)));
  const torture = ['arguments', 'teardown', 'threads'].map(name =>
    join(folder, 'torture', 'native', `${name}.test.js`),
  );
  const watchdog = join(folder, 'process', 'watchdog.test.js');
  const { code, output, found } = await run(
    ...['--test', '--test-reporter=tap', '--test-concurrency=2', ...files, watchdog, ...torture],
  );
  const [tests = 0, failed = 0] = ['tests', 'fail'].map(name =>
    Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1]),
  );
  addRow({ part: 'native', what: 'tests under ASan and UBSan', tried: tests, found: found.length + failed });
  t.diagnostic(`${tests} tests, ${failed} failed`);
  assert.deepEqual(found, []);
  assert.equal(
    code,
    0,
    output
      .split(/^(?=# Subtest)/m)
      .filter(test => test.includes('not ok'))
      .join(''),
  );
  assert(tests > files.length);

  const exercise = [join(folder, 'torture', 'native', 'exercise.js'), join(directory, 'file')];
  assert.equal((await run(...exercise)).code, 0);
  let seen = 0;
  const addons = await Promise.all(tampered.map((one, index) => build.link(`broken-${index}`, one)));
  for (const [index, addon] of addons.entries()) {
    replaceAddon(copy, addon);
    const { code, found, output } = await run(...exercise);
    assert.equal(code, FOUND, output);
    assert.match(found.join('\n'), tampered[index]!.what);
    seen += 1;
  }
  addRow({
    part: 'native',
    what: 'broken addons that ASan and UBSan see',
    tried: seen,
    of: addons.length,
    found: 0,
  });
});

function testsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.test.js') && !OTHER_PROCESSES.includes(name))
    .map(name => join(folder, name));
}
