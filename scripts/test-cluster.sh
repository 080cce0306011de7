#!/usr/bin/env bash
# The compiled tests of the cluster store with the laws that take long: scripts/test-cluster.sh [long|full]
set -euo pipefail
cd "$(dirname "$0")/.."
export CLUSTER_TESTS=${1:-long}
# shellcheck disable=SC2046
node --test --test-reporter=spec --test-concurrency=3 $(find dist-test/postgres -name '*.test.js' | sort)
