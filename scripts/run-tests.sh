#!/usr/bin/env bash
# Runs the compiled tests of the current directory on the Node in PATH: all but the torture and those that need
# packages of their own (test:examples, test:bundlers), or those that are named, as sources (test/sweep/look.test.ts),
# compiled files or directories of either.
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
[ $# -gt 0 ] || add dist-test -not -path '*/torture/*' -not -path '*/integrations/*' -not -path '*/bundlers/*'
# Most of a test is waiting for another process, which leaves a core to one more than there are.
concurrency=$(node -p 'os.availableParallelism() + 1')
node --test --test-reporter=spec --test-concurrency="$concurrency" "${files[@]}"
