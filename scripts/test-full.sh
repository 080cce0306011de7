#!/usr/bin/env bash
# The compiled tests that try only a part of their points in `npm test` (test/helpers/size.ts), with all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(grep -rlF 'helpers/size.' dist-test --include='*.test.js' | sort)
TEST_SIZE=full exec bash scripts/run-tests.sh "${files[@]}"
