/** The line of docs/hooks.md in Debian's cron, with the crontabs of two users, in a mount namespace of its own. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { cannotMakeUsers, FIRST, makeAccounts, removeAccounts, SECOND } from '../helpers/accounts.ts';
import { installCommand } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { hookBlock } from '../helpers/hooks-page.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { until } from '../helpers/until.ts';
import { directoryOf, runAs } from '../helpers/users.ts';

const noCron = spawnSync('cron', ['-h']).error ? 'NOT TESTED: cron is missing; apt-get install cron' : false;

/** Cron asks its clock, not us, when a minute begins. */
const A_MINUTE_AND_MORE_MS = 120_000;

describe('the hook of cron', { skip: cannotMakeUsers || notForOthers || noCron }, () => {
  before(makeAccounts);
  after(removeAccounts);

  test('an orphan is swept within the minute, and only the user whose function failed gets mail', async t => {
    const place = freshDirectory(t);
    chmodSync(place, 0o755);
    const [mails = '', crontabs = ''] = ['mails', 'crontabs'].map(name => join(place, name));
    for (const path of [mails, crontabs]) mkdirSync(path);
    chmodSync(mails, 0o1777);
    installCommand(place);
    const orphans = [
      [
        FIRST,
        'dsweep-first',
        `job.defer(async path => (await import('node:fs')).writeFileSync(path, ''), args[0] + '/ran');`,
      ],
      [SECOND, 'dsweep-second', `job.defer(function refuse() { throw new Error('no, never'); });`],
    ] as const;
    for (const [uid, name, body] of orphans) {
      const base = directoryOf(join(place, name), uid, 0o700);
      const program = `const job = await new DeferredFunctionManager(args[0]).open();\n${body}\nprocess.kill(process.pid, 'SIGKILL');`;
      assert.equal(runAs({ uid }, program, base).signal, 'SIGKILL');
      const line = hookBlock('cron')
        .replace('*/10', '*')
        .replace('/usr/bin/deferred-sweep', join(place, 'deferred-sweep'));
      const crontab = join(crontabs, name);
      writeFileSync(crontab, `HOME=/\nDEFERRED_SWEEP_DIR=${base}\n${line}`, { mode: 0o600 });
      chownSync(crontab, uid, uid);
    }
    // After they are written: cron looks at the time of the directory, in seconds, and would miss what comes in its first.
    startCron(t, place);
    await until('the sweep', () => existsSync(join(place, 'dsweep-first/ran')), A_MINUTE_AND_MORE_MS);
    await until('the mail', () => existsSync(join(mails, 'dsweep-second')), A_MINUTE_AND_MORE_MS);
    const isRunning = (uid: number): boolean => spawnSync('pgrep', ['--uid', String(uid)]).status === 0;
    await until('the end of the other sweep', () => !isRunning(FIRST));
    assert.match(readFileSync(join(mails, 'dsweep-second'), 'utf8'), /refuse: failed/);
    assert.ok(!existsSync(join(mails, 'dsweep-first')));
  });
});

/** Cron sees the crontabs of this test alone, and a sendmail that keeps each user's mail in a file. */
function startCron(t: TestContext, place: string): void {
  const [mails = '', crontabs = '', sbin = '', nothing = ''] = ['mails', 'crontabs', 'sbin', 'nothing'].map(
    name => join(place, name),
  );
  for (const path of [sbin, nothing]) mkdirSync(path);
  writeFileSync(join(place, 'crontab'), '');
  writeFileSync(join(sbin, 'sendmail'), `#!/bin/sh\nexec cat >>'${mails}'/"$(id -un)"\n`, { mode: 0o755 });
  const script = `set -e
mount --make-rprivate /
mount --bind '${crontabs}' /var/spool/cron/crontabs
mount --bind '${nothing}' /etc/cron.d
mount --bind '${join(place, 'crontab')}' /etc/crontab
mount -t tmpfs tmpfs /run
mount -t overlay -o lowerdir='${sbin}':/usr/sbin overlay /usr/sbin
exec cron -f`;
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('unshare', [...namespaces, 'sh', '-c', script], {
    stdio: 'ignore',
  });
  t.after(() => child.kill('SIGKILL'));
}
