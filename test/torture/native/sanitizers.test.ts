/** The addon compiled with AddressSanitizer and UndefinedBehaviorSanitizer: its tests make it do nothing that is undefined. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { test } from 'node:test';
import { cannotMakeUsers } from '../../helpers/accounts.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { MINUTES } from '../budget.ts';
import { addRow, TABLE } from '../table.ts';
import { copyPackage, replaceAddon, replaceBecomeUser } from './addon-copy.ts';
import { AddonBuild, compilerMissing, type Tampering } from './build-addon.ts';

const FLAGS = [
  // The last is not among the undefined ones; a conversion of that kind is what IntegerFrom guards against.
  '-fsanitize=address,undefined,float-cast-overflow',
  // Needs run-time type information; would be first to see what is AddressSanitizer's.
  '-fno-sanitize=vptr,object-size',
  // What is undefined is an illegal instruction, which AddressSanitizer reports with its stack: beside it, the other's
  // own reports go to standard error only, which many a test discards.
  '-fsanitize-undefined-trap-on-error',
];
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
    source: 'native/watchdog_posix.cc',
    words: 'struct timespec now = {};',
    by: 'struct timespec now = {}; volatile char* heap = new char[4]; delete[] heap; heap[0] = 1;',
  },
  {
    what: /AddressSanitizer: ILL .*SetFlockLock/s,
    source: 'native/file_lock_posix.cc',
    words: 'int operation = LOCK_UN;',
    by: 'int operation = LOCK_UN; volatile int most = 0x7fffffff; most = most + descriptor;',
  },
  {
    what: /AddressSanitizer: ILL .*IntegerFrom/s,
    source: 'native/napi_values.cc',
    words: 'number >= 0 && number <= max &&',
    by: '',
  },
  {
    what: /stack-buffer-overflow.*SendDatagram/s,
    source: 'native/service_notify.cc',
    words: 'if (path_length >= sizeof(address.sun_path)) return ENAMETOOLONG;',
    by: '',
  },
  {
    what: /heap-use-after-free.*OnForgotten/s,
    source: 'native/readable_poll.cc',
    words: 'if (!poll->is_closed || !poll->is_forgotten) return;',
    by: 'if (!poll->is_closed) return;',
  },
  ...[
    ['child_reaper', 'siginfo_t info = {};'],
    ['directory_watch', 'if (number < 0) return errno;'],
    ['inheritance', 'if (copy < 0) return errno;'],
    ['lease', 'if (fcntl(descriptor, kSetSignal, SIGURG) != 0) return errno;'],
    ['lock_glance', 'struct stat found = {};'],
    ['named_append', 'struct stat named = {};'],
    ['process_signal', 'if (opened < 0) return errno;'],
    ['signal_origin', 'if (sigaction(signal, nullptr, &action) != 0) return errno;'],
  ].map(([name, words = '']) => ({
    what: new RegExp(`heap-buffer-overflow.*${name}`, 's'),
    source: `native/${name}.cc`,
    words,
    by: `volatile char* heap = new char[4]; heap[4] = 1; delete[] heap; ${words}`,
  })),
];

/** A broken `become_user` that the sanitizers must see. */
const tamperedProgram = {
  words: 'snprintf(text, length, "%s=%s", name, value);',
  by: 'sprintf(text, "%s=%s", name, value); text[length] = 0;',
};

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
  replaceBecomeUser(copy, await build.linkBecomeUser('become_user'));
  // Other users go through it, and report.
  for (const path of [directory, copy, reports]) chmodSync(path, path === reports ? 0o777 : 0o755);

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
    return { code, output, found: readReports() };
  };
  const readReports = (): string[] =>
    readdirSync(reports).map(name => {
      const report = readFileSync(join(reports, name), 'utf8');
      rmSync(join(reports, name)); // the next run has its own
      return report;
    });

  const folder = join(copy, 'dist-test');
  const files = ['native', 'lock'].flatMap(part => testsIn(join(folder, part)));
  const torture = ['arguments', 'teardown', 'threads'].map(name =>
    join(folder, 'torture', 'native', `${name}.test.js`),
  );
  const watchdog = join(folder, 'runner', 'watchdog.test.js');
  const { code, output, found } = await run(
    ...['--test', '--test-reporter=tap', '--test-concurrency=2', ...files, watchdog, ...torture],
  );
  const [tests = 0, failed = 0] = ['tests', 'fail'].map(name =>
    Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1]),
  );
  addRow({ part: 'native', what: 'tests under ASan and UBSan', tried: tests, found: found.length + failed });
  t.diagnostic(`${tests} tests, ${failed} failed`);
  assert.deepEqual(found, []);
  const failing = output.split(/^(?=# Subtest)/m).filter(test => test.includes('not ok'));
  assert.equal(code, 0, failing.join('') || `no test failed; the end of the output:\n${output.slice(-4000)}`);
  assert(tests > files.length);

  const exercise = [join(folder, 'torture', 'native', 'exercise.js'), join(directory, 'file')];
  assert.equal((await run(...exercise)).code, 0);
  let seen = 0;
  const addons = await Promise.all(tampered.map((one, index) => build.link(`broken-${index}`, one)));
  for (const [index, addon] of addons.entries()) {
    replaceAddon(copy, addon);
    const { code, found, output } = await run(...exercise);
    assert.equal(code, FOUND, `${tampered[index]!.source}, broken, ended with ${code}: ${output}`);
    assert.match(found.join('\n'), tampered[index]!.what);
    seen += 1;
  }
  if (!cannotMakeUsers) {
    // As nobody, who is there on every system.
    const become = [join(copy, 'build/Release/become_user'), '65534', '-', '/bin/true'] as const;
    replaceBecomeUser(copy, await build.linkBecomeUser('broken_become_user', tamperedProgram));
    const { status } = spawnSync(become[0], become.slice(1), { env, encoding: 'utf8' });
    assert.equal(status, FOUND);
    assert.match(readReports().join('\n'), /heap-buffer-overflow/);
    seen += 1;
  }
  addRow({
    part: 'native',
    what: 'broken addons that ASan and UBSan see',
    tried: seen,
    of: addons.length + (cannotMakeUsers ? 0 : 1),
    found: 0,
  });
});

function testsIn(folder: string): string[] {
  return (
    readdirSync(folder)
      // A sanitizer's library is made for one C library, and musl's is another.
      .filter(name => name.endsWith('.test.js') && name !== 'musl.test.js')
      .map(name => join(folder, name))
  );
}
