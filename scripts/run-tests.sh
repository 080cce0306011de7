#!/usr/bin/env bash
# Runs the compiled tests of the current directory on the Node in PATH: all but the torture and those that need systems or
# packages of their own (test:hooks, test:cluster, test:examples, test:bundlers), or those that are named, as sources
# (test/sweep/look.test.ts), compiled files or directories of either.
set -euo pipefail
files=()
# add DIRECTORY FIND-OPTION...
add() {
  while IFS= read -r file; do files+=("$file"); done < <(find "$1" -name '*.test.js' "${@:2}" | sort)
}
for name in "$@"; do
  compiled=${name#./}
  compiled=${compiled%/}
  case $compiled in test | test/*) compiled=dist-$compiled ;; esac
  compiled=${compiled/%.ts/.js}
  if [ -d "$compiled" ]; then
    add "$compiled"
  elif [ -f "$compiled" ]; then
    files+=("$compiled")
  else
    echo "run-tests: there is no test $name (looked for $compiled)" >&2
    exit 2
  fi
done
[ $# -gt 0 ] || add dist-test -not -path '*/torture/*' -not -path '*/hooks/*' -not -path '*/postgres/*' -not -path '*/integrations/*' -not -path '*/bundlers/*'
# Each of some thousand Nodes would read these certificates when it starts, which takes longer than all else it does then.
# No test speaks to a server that has one.
unset NODE_EXTRA_CA_CERTS
# Much of a test is waiting for another process, which leaves the cores to two more than there are.
concurrency=${TEST_CONCURRENCY:-$(node -p 'os.availableParallelism() + 2')}
# A file in which something hangs is named and ended, and the others go on. Half an hour; parts of the torture take more.
timeout_ms=${TEST_TIMEOUT_MS:-1800000}
node "$(dirname "$0")/run-tests.mjs" "$concurrency" "$timeout_ms" "${files[@]}"
