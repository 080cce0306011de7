/** Which cleaners of temporary directories come to a place, by their configuration. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { tempCleanersAt } from '#dist/operate/temp-cleaners.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const place = '/var/tmp/deferred-sweep-1000';

const TABLE: readonly [what: string, files: Record<string, string>, found: readonly RegExp[]][] = [
  ['nothing is configured', {}, []],
  [
    'systemd-tmpfiles with an age for the directory above, which leaves sticky files',
    {
      'usr/lib/tmpfiles.d/tmp.conf': '# comment\nq /tmp 1777 root root 10d\nq /var/tmp 1777 root root 30d\n',
    },
    [],
  ],
  [
    'a file of /etc hides the one of the same name',
    { 'usr/lib/tmpfiles.d/tmp.conf': 'D /var/tmp 1777 root root -\n', 'etc/tmpfiles.d/tmp.conf': '' },
    [],
  ],
  ['a directory that is only made', { 'etc/tmpfiles.d/a.conf': 'd /var/tmp 1777 root root -\n' }, []],
  [
    'an exclusion',
    { 'etc/tmpfiles.d/a.conf': 'D /var/tmp 1777 root root 30d\nx /var/tmp/deferred-sweep-*\n' },
    [],
  ],
  [
    'patterns with classes, and one whose range is none',
    {
      'etc/tmpfiles.d/a.conf':
        'D /var/[z-a] 1777 root root 1d\nD /var/[ 1777 root root 1d\n D! /var/[!a-s]mp 1777 root root 30d\n',
    },
    [/empties \/var\/\[!a-s\]mp at boot/],
  ],
  [
    'another directory, whose name begins so',
    { 'etc/tmpfiles.d/a.conf': 'D /var/tm 1777 root root 1d\n' },
    [],
  ],
  [
    'a directory that is emptied at boot',
    { 'etc/tmpfiles.d/a.conf': 'D! /var/tmp 1777 root root -\n' },
    [/empties \/var\/tmp at boot \(.*etc\/tmpfiles.d\/a.conf\)/],
  ],
  [
    'tmpreaper',
    { 'etc/tmpreaper.conf': "TMPREAPER_TIME=7d\nTMPREAPER_DIRS='/tmp/. /var/tmp/.'\n" },
    [/tmpreaper removes what is older than 7d in \/var\/tmp/],
  ],
  [
    'tmpreaper that waits for its warning to be read',
    { 'etc/tmpreaper.conf': "SHOWWARNING=true\nTMPREAPER_DIRS='/var/tmp/.'\n" },
    [],
  ],
  [
    'tmpreaper told to protect the place',
    {
      'etc/tmpreaper.conf':
        "TMPREAPER_DIRS='/var/tmp/.'\nTMPREAPER_PROTECT_EXTRA='/var/tmp/deferred-sweep-*'\n",
    },
    [],
  ],
  [
    'tmpwatch',
    {
      'etc/cron.daily/tmpwatch':
        '#! /bin/sh\n/usr/sbin/tmpwatch "$flags" -x /tmp/.X11-unix 10d /tmp\n/usr/sbin/tmpwatch "$flags" 30d /var/tmp\n',
    },
    [/tmpwatch removes what is old in \/var\/tmp/],
  ],
  [
    'tmpwatch told to keep the place',
    { 'etc/cron.daily/tmpwatch': `tmpwatch -x ${place} 30d /var/tmp\n` },
    [],
  ],
];

for (const [what, files, found] of TABLE)
  test(`cleaners: ${what}`, t => {
    const root = freshDirectory(t);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const cleaners = tempCleanersAt(place, root);
    assert.equal(cleaners.length, found.length, JSON.stringify(cleaners));
    for (const [at, text] of found.entries()) assert.match(cleaners[at]!, text);
  });
