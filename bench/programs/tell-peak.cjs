// Loaded into a process: at its exit, appends who it is and the most memory it had, in KiB, to the file TELL_PEAK.
const fs = require('node:fs');

process.on('exit', () => {
  if (!process.env.TELL_PEAK) return;
  const [, peak] = /^VmHWM:\s+(\d+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'));
  const isRunner = /runner|child/.test(process.argv[1] ?? '');
  fs.appendFileSync(process.env.TELL_PEAK, `${isRunner ? 'runner' : 'sweeper'} ${peak}\n`);
});
