/** Examples that start programs: what they started ends with them, whatever ends them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLinePath } from '../../helpers/command-line.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { cleanup, createStage, skipExamples } from './running.ts';

test('a tree of processes that execa started ends after the SIGKILL of its job', {
  skip: skipExamples,
}, async t => {
  const stage = createStage(t);
  const base = freshDirectory(t);
  const build = stage.start('execa-tree.mjs', [base]);
  await build.says(/^building$/);
  assert.ok(stage.alive() >= 4, `${stage.alive()} processes`);
  await build.kill();
  assert.ok(stage.alive() >= 3, 'the tree lives on');
  assert.match(cleanup(base), / 1 done, 0 failed/);
  assert.equal(stage.alive(), 0);
});

test('stdio servers of a host that was killed are ended by the start of the next host', {
  skip: skipExamples,
}, async t => {
  const stage = createStage(t);
  const base = freshDirectory(t);
  const first = stage.start('agent-host.mjs', [base, 'files', 'browser']);
  await first.says(/^server browser$/);
  await first.kill();
  assert.equal(stage.alive(), 2, 'both servers live on, without a host');
  const second = stage.start('agent-host.mjs', [base, 'files']);
  await second.says(/^server files$/);
  assert.equal(stage.alive(), 2, 'the second host and its one server');
  assert.equal(await second.end(), 0);
  assert.equal(stage.alive(), 0);
});

const hasChromium = spawnSync('chromium', ['--version']).status === 0;
const skipBrowser =
  skipExamples || (hasChromium ? false : 'SKIPPED: no chromium here; install the package chromium');
test('a browser and its profile are gone after the SIGKILL of the program that drove it', {
  skip: skipBrowser,
}, async t => {
  const stage = createStage(t);
  const [base, temporary] = [freshDirectory(t), freshDirectory(t)];
  const site = createServer((_request, response) => response.end('<title>a page</title>')).listen(
    0,
    '127.0.0.1',
  );
  t.after(() => site.close());
  await once(site, 'listening');
  const { port } = site.address() as { port: number };
  const program = stage.start('playwright-browser.mjs', [base, `http://127.0.0.1:${port}`], {
    TMPDIR: temporary,
  });
  const [, title, profile = ''] = await program.says(/^title (.*) profile (.*)$/);
  assert.equal(title, 'a page');
  await program.kill();
  assert.ok(stage.alive() > 0, 'the browser lives on');
  assert.ok(existsSync(profile));
  assert.match(cleanup(base), / 2 done, 0 failed/);
  assert.equal(stage.alive(), 0);
  assert.ok(!existsSync(profile));
});

test('a script as a job leaves neither its lock nor its scratch directory when all of it is killed', {
  skip: skipExamples,
}, async t => {
  const stage = createStage(t);
  const [base, directory, temporary] = [freshDirectory(t), freshDirectory(t), freshDirectory(t)];
  mkdirSync(join(directory, 'data'));
  writeFileSync(join(directory, 'data/file'), 'text');
  const env = {
    ...{ DEFERRED_SWEEP_DIR: base, TMPDIR: temporary },
    DEFERRED_SWEEP: `${process.execPath} ${commandLinePath}`,
  };
  const killed = stage.start('bash', ['backup.sh', directory], env);
  await killed.says(/^packed into /);
  assert.deepEqual(readdirSync(directory).sort(), ['data', 'lock-of-backup']);
  await killed.kill();
  cleanup(base);
  assert.deepEqual([readdirSync(directory), readdirSync(temporary)], [['data'], []]);

  const whole = stage.start('bash', ['backup.sh', directory], env);
  await whole.says(/^packed into /);
  whole.child.stdin!.write('go on\n');
  assert.equal(await whole.end(), 0);
  assert.deepEqual(readdirSync(directory).sort(), ['backup.tar', 'data']);
  assert.ok(readFileSync(join(directory, 'backup.tar')).length > 0);
  assert.deepEqual(readdirSync(temporary), []);
});
