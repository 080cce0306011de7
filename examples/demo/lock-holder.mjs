/** Holds an exclusive lock on a file and outlives its parent, once it has been told "go". Before that it ends with it. */
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import { tryLock } from 'deferred-sweep/lock';

const [lockPath, pidFile] = process.argv.slice(2);
writeFileSync(pidFile, `${process.pid}`);
process.stdout.write('waiting\n');
process.stdin.once('end', () => process.exit());
await once(process.stdin, 'data');
process.stdin.removeAllListeners('end');
if (!tryLock(openSync(lockPath, 'a+'))) throw new Error(`${lockPath} is locked by somebody else`);
process.stdout.write('locked\n');
setInterval(() => {}, 60_000);
