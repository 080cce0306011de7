#!/usr/bin/env bash
# All package managers, Nodes and TypeScripts: some minutes, and some hundred megabytes from the npm registry.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" >"$work/packed"
tarball=$(echo "$work"/deferred-sweep-*.tgz)
node scripts/test-installs.mjs "$tarball"
node scripts/test-types.mjs "$tarball"
