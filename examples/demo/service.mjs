/** A process that outlives its parent, once it has been told "go". Before that it ends with it. */
import { once } from 'node:events';

process.stdout.write('waiting\n');
process.stdin.once('end', () => process.exit());
await once(process.stdin, 'data');
process.stdin.removeAllListeners('end');
process.stdout.write('running\n');
setInterval(() => {}, 60_000);
