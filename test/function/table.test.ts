/** Functions of every kind, each run at the end of its own job, as an orphan, and as an orphan after its module changed. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { CHANGED } from '../fixtures/fn-project/row.ts';
import {
  assertRan,
  copyProject,
  deploy,
  type Form,
  runProject,
  sweepOrphans,
} from '../helpers/fn-project.ts';
import { onlyFull, sample } from '../helpers/size.ts';
import { FORMS } from './forms.ts';

const known = FORMS.filter(({ skip }) => skip === false);
/** Of the forms that `npm test` has, the plain one is what the others are compared with; in a minified bundle most is lost. */
const isHard = ({ label }: Form): boolean => label === 'plain node' || label === 'minified bundle';
const closed = new Set([...known.filter(isHard).slice(0, 1), ...sample(known.slice(1), 1)]);
const deployed = new Set([...known.filter(isHard), ...sample(known, 1)]);
const unless = (isTried: boolean): string | false => !isTried && onlyFull;

for (const form of FORMS) {
  const { label, skip } = form;

  test(`${label}: functions of every kind run at the end of their own job, stored as they should be`, {
    skip: skip || unless(closed.has(form)),
  }, t => {
    const place = copyProject(t, form);
    const entries = runProject(form, place, 'close');
    for (const entry of entries) assert.equal(entry.stored, entry.shouldBeStored, entry.label);
    assertRan(place, entries, 'expected');
  });

  test(`${label}: functions of every kind run in another process when their worker was killed`, {
    // What no deploy changes runs so in the next law, too.
    skip: skip || onlyFull,
  }, t => {
    const place = copyProject(t, form);
    const entries = runProject(form, place, 'crash');
    assert.equal(existsSync(place.out), false, 'nothing ran before the sweep');
    sweepOrphans(place);
    assertRan(place, entries, 'expected');
  });

  test(`${label}: after a deploy, stored references find the new code and stored sources keep the old`, {
    skip: skip || unless(deployed.has(form)),
  }, t => {
    const place = copyProject(t, form);
    const entries = runProject(form, place, 'crash');
    for (const entry of entries) assert.equal(entry.stored, entry.shouldBeStored, entry.label);
    deploy(place, form, 'original', CHANGED);
    sweepOrphans(place);
    assertRan(place, entries, 'changed');
    assert.equal(
      entries.some(entry => entry.changed !== entry.expected),
      form.stores === 'modules' || form.stores === 'commonjs',
    );
  });
}
