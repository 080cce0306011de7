#!/usr/bin/env bash
# Runs the compiled tests of the current directory, but for the torture, on the Node in PATH.
set -euo pipefail
# Most of a test is waiting for another process, which leaves a core to one more than there are.
concurrency=$(node -p 'os.availableParallelism() + 1')
# shellcheck disable=SC2046
node --test --test-reporter=spec --test-concurrency="$concurrency" \
  $(find dist-test -name '*.test.js' -not -path '*/torture/*' | sort)
