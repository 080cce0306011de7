#!/usr/bin/env bash
# The compiled tests of the cluster store as a whole, or a part of each that ends within minutes:
# scripts/test-cluster.sh [full|bounded]
set -euo pipefail
cd "$(dirname "$0")/.."
export CLUSTER_TESTS=${1:-full}
case $CLUSTER_TESTS in full | bounded) ;; *)
  echo "test-cluster: full or bounded, got $CLUSTER_TESTS" >&2
  exit 2
  ;;
esac
TEST_CONCURRENCY=3 exec bash scripts/run-tests.sh test/postgres
