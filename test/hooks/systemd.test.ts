/** The units of docs/hooks.md under systemd itself. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotMakeUsers, FIRST, makeAccounts, removeAccounts } from '../helpers/accounts.ts';
import { installCommand } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { hookBlock } from '../helpers/hooks-page.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { until } from '../helpers/until.ts';
import { ledgerWorker } from './ledger-worker.ts';
import { bootSystemd, noSystemd } from './systemd-node.ts';

describe('the units of systemd', { skip: cannotMakeUsers || notForOthers || noSystemd }, () => {
  before(makeAccounts);
  after(removeAccounts);

  test('ExecStopPost or the watcher runs what a killed service leaves; systemd sees the watcher begin and end', async t => {
    const place = freshDirectory(t);
    chmodSync(place, 0o755);
    writeFileSync(join(place, 'main.mjs'), ledgerWorker());
    const program = installCommand(place);
    const own = (text: string): string =>
      text
        .replaceAll('/usr/bin/deferred-sweep', program)
        .replaceAll('/usr/bin/node', process.execPath)
        .replaceAll('/srv/worker/main.js', join(place, 'main.mjs'))
        .replaceAll('User=worker', 'User=dsweep-first');
    const service = own(hookBlock('systemd'));
    const systemd = await bootSystemd(t, place, {
      'worker.service': service,
      'plain.service': service.replace(/^ExecStopPost=.*\n/m, ''),
      'watch.service': own(hookBlock('systemd', 'Or, within milliseconds')),
    });
    if (systemd === undefined) return;
    const { control, log } = systemd;
    const ledger = join(place, 'lib', 'worker', 'deferred-sweep', 'ledger');
    const lines = (): string[] =>
      existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : [];
    const killed = async (unit: string, before: number): Promise<string[]> => {
      control('start', unit);
      await until(`${unit} began\n${log()}`, () => lines().length > before);
      control('kill', '--signal=KILL', unit);
      await until(`what ${unit} left was run\n${log()}`, () => lines().length > before + 1);
      return lines()
        .slice(before)
        .map(line => line.replace(/\d+/, 'N'));
    };
    const both = ['began N', `cleaned up after N as ${FIRST}`];

    assert.deepEqual(await killed('worker', 0), both);

    // It returns when the service has said that it is ready.
    control('start', 'watch');
    assert.match(control('show', '-p', 'ActiveState', 'watch'), /=active/, log());
    assert.match(control('show', '-p', 'StatusText', 'watch'), /=Watching 1 of 1/, log());
    assert.deepEqual(await killed('plain', 2), both);
    control('stop', 'watch');
    const end = control('show', '-p', 'ActiveState', '-p', 'Result', '-p', 'ExecMainStatus', 'watch')
      .trim()
      .split('\n');
    assert.deepEqual(end.sort(), ['ActiveState=inactive', 'ExecMainStatus=0', 'Result=success'], log());
  });
});
