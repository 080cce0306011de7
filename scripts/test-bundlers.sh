#!/usr/bin/env bash
# Installs the bundlers of examples/bundlers and this package, packed, beside them; bundles, copies, runs and kills a program.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/build-changed.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --ignore-scripts --pack-destination "$work" >"$work/packed"
cd examples/bundlers
npm ci --no-audit --no-fund --ignore-scripts --silent
npm install --no-save --no-audit --no-fund --ignore-scripts --silent "$work"/deferred-sweep-*.tgz
# As `node native/build.mjs` would compile it: the tarball was packed without prebuilt addons, which takes minutes.
mkdir -p node_modules/deferred-sweep/build/Release
cp ../../build/Release/deferred_sweep.node node_modules/deferred-sweep/build/Release/
cd ../..
bash scripts/run-tests.sh test/examples/bundlers
