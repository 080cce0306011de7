/** docs/monitoring.md and what is written, as Prometheus itself reads them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseOfKilledWorker, packageRoot, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const noPromtool = spawnSync('promtool', ['--version']).error
  ? 'NOT TESTED: promtool is missing; apt-get install prometheus'
  : false;

test('promtool takes the metrics of a sweep, and the alert rules of the page fire as they say', {
  skip: noPromtool,
}, t => {
  const directory = freshDirectory(t);
  const metrics = join(directory, 'metrics');
  const base = baseOfKilledWorker(
    t,
    `job.defer(function refuse() { throw new Error('no'); });`,
    '{ maxAttempts: 1 }',
  );
  assert.equal(runCommandLine(['sweep', '--metrics-file', metrics, base]).status, 1);
  const text = readFileSync(metrics, 'utf8');
  const read = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.equal(read.status, 0, read.stderr);
  const page = readFileSync(join(packageRoot, 'docs/monitoring.md'), 'utf8');
  const [, rules = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  writeFileSync(join(directory, 'rules.yml'), rules);
  const [letters = ''] = /^deferred_sweep_dead_letters\{.*\}/m.exec(text) ?? [];
  // A minute after ten, the dead letter of the sweep is told of.
  writeFileSync(
    join(directory, 'test.yml'),
    JSON.stringify({
      rule_files: ['rules.yml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: [{ series: letters, values: '1x20' }],
          promql_expr_test: [
            { expr: 'ALERTS{alertstate="firing"}', eval_time: '1m', exp_samples: [] },
            {
              expr: 'count(ALERTS{alertname="DeferredSweepDeadLetters",alertstate="firing"})',
              eval_time: '11m',
              exp_samples: [{ labels: '{}', value: 1 }],
            },
          ],
        },
      ],
    }),
  );
  const tested = spawnSync('promtool', ['test', 'rules', 'test.yml'], { cwd: directory, encoding: 'utf8' });
  assert.equal(tested.status, 0, tested.stdout + tested.stderr);
});
