/** Options of Node that a runner must not have: they evaluate, test, watch or profile instead of running a file. */
const WITHOUT_VALUE =
  `-c --check -i --interactive -v --version -h --help --test --watch --watch-preserve-output --expose-internals
  --prof --build-sea --no-test --experimental-test-coverage`.split(/\s+/);
/** The same, with a value behind `=` or as the next argument. */
const WITH_VALUE =
  `-e --eval -p --print -pe --input-type --watch-path --watch-kill-signal --run --experimental-default-type
  --experimental-sea-config --inspect-port --debug-port --snapshot-blob --build-snapshot-config --cpu-prof-dir
  --cpu-prof-interval --cpu-prof-name --heap-prof-dir --heap-prof-interval --heap-prof-name --test-concurrency
  --test-coverage-include --test-coverage-exclude --test-coverage-branches --test-coverage-functions
  --test-coverage-lines --test-global-setup --test-isolation --test-name-pattern --test-reporter
  --test-reporter-destination --test-rerun-failures --test-shard --test-skip-pattern
  --test-timeout`.split(/\s+/);
/** Options to keep whose value may be the next argument. */
const KEPT_WITH_VALUE =
  `-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists
  --experimental-config-file --experimental-policy --policy-integrity --allow-fs-read --allow-fs-write
  --diagnostic-dir --disable-proto --disable-warning --dns-result-order --heapsnapshot-near-heap-limit
  --heapsnapshot-signal --icu-data-dir --localstorage-file --max-http-header-size
  --max-old-space-size-percentage --network-family-autoselection-attempt-timeout --openssl-config
  --redirect-warnings --report-dir --report-directory --report-filename --report-signal --secure-heap
  --secure-heap-min --security-revert --experimental-specifier-resolution --es-module-specifier-resolution
  --title --tls-cipher-list --tls-keylog --trace-event-categories --trace-event-file-pattern
  --trace-require-module --unhandled-rejections --use-largepages`.split(/\s+/);
const BY_PREFIX = ['--inspect', '--test-', '--cpu-prof', '--heap-prof'];

/** The part of the dead owner's `process.execArgv` that a runner needs: loaders (`--import tsx`), conditions, memory limits. */
export function runnerExecArgv(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < execArgv.length; at++) {
    const option = execArgv[at] ?? '';
    const [name = option] = option.split('=', 1);
    if (WITH_VALUE.includes(name)) {
      // `-p` and `--print` may stand alone; a script to evaluate rarely begins like an option.
      if (name === option && execArgv[at + 1]?.startsWith('--') === false) at++;
    } else if (!option.startsWith('-') || option === '--' || option === '-') {
      // A launcher's own script. No options of Node follow.
      break;
    } else if (!WITHOUT_VALUE.includes(name) && !BY_PREFIX.some(prefix => name.startsWith(prefix))) {
      kept.push(option);
      const value = execArgv[at + 1];
      if (name !== option || value === undefined || !KEPT_WITH_VALUE.includes(name)) continue;
      kept.push(value);
      at++;
    }
  }
  return kept;
}
