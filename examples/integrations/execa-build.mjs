/** A build that starts programs with execa, which start others: node execa-build.mjs */
import { execa } from 'execa';

// One that leaves its process group, one with a child of its own.
const steps = [
  execa('setsid', ['sleep', '1000'], { stdio: 'ignore' }),
  execa('sh', ['-c', 'sleep 1000 & wait'], { stdio: 'ignore' }),
];
console.log('building');
await Promise.all(steps);
