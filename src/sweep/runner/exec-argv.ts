/** Options of Node that make a process something else than a program run from its file: of no use to a runner. */
const WITHOUT_VALUE = [
  '-c',
  '--check',
  '-i',
  '--interactive',
  '-v',
  '--version',
  '-h',
  '--help',
  '--test',
  '--watch',
  '--watch-preserve-output',
  '--expose-internals',
  '--prof',
  '--cpu-prof',
  '--heap-prof',
  '--build-sea',
  '--no-test',
  '--test-only',
  '--experimental-test-coverage',
];
const WITH_VALUE = [
  '-e',
  '--eval',
  '-p',
  '--print',
  '-pe',
  '--input-type',
  '--watch-path',
  '--run',
  '--experimental-default-type',
  '--inspect-port',
  '--debug-port',
];
const BY_PREFIX = ['--inspect', '--test-', '--cpu-prof', '--heap-prof'];

/**
 * Returns the dead owner's `process.execArgv` as far as a runner needs it: loaders (`--import tsx`), conditions, memory
 * limits; not what it was told to evaluate, test, watch or profile, nor its inspector's port.
 */
export function runnerExecArgv(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < execArgv.length; at++) {
    const option = execArgv[at] ?? '';
    const [name = option] = option.split('=', 1);
    if (WITH_VALUE.includes(name)) {
      if (name === option && takesNext(execArgv[at + 1])) at++;
    } else if (!WITHOUT_VALUE.includes(name) && !BY_PREFIX.some(prefix => name.startsWith(prefix))) {
      kept.push(option);
    }
  }
  return kept;
}

/** `-p` and `--print` may stand alone; a script to evaluate rarely begins like an option. */
function takesNext(next: string | undefined): boolean {
  return next !== undefined && !next.startsWith('--');
}

/** True where running without these options would give the function rights its owner did not have. */
export function restrictsRights(execArgv: readonly string[]): boolean {
  return execArgv.some(option => /^--(experimental-)?permission\b/.test(option));
}
