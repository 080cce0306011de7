#!/usr/bin/env bash
# Builds what has changed since it was built: addon, dist/, dist-test/. Asks the times of files only, so that a run of one
# test does not wait for compilers that have nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

# changed STAMP OUTPUT INPUT...: whether an input, a directory of one included, is younger than the stamp.
changed() {
  local stamp=$1 output=$2
  shift 2
  [ ! -e "$output" ] || [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$(node --version)" ] ||
    [ -n "$(find "$@" -newer "$stamp" -print -quit)" ]
}

# build STAMP SCRIPT: what is edited while it compiles is younger than the stamp.
build() {
  node --version >"$1.new"
  npm run --silent "$2"
  mv "$1.new" "$1"
}

# Beside the others, which do not need it: make(1) keeps one core busy.
native=
if changed build/.built-native build/Release/deferred_sweep.node native binding.gyp package-lock.json; then
  build build/.built-native build:native &
  native=$!
  trap 'wait' EXIT
fi
if changed build/.built-ts dist/index.js src tsconfig.json package-lock.json scripts/bundle.mjs scripts/bundle-cbor-x.mjs; then
  build build/.built-ts build:ts
fi
if changed build/.built-test dist-test test tsconfig.json src package-lock.json; then
  build build/.built-test build:test
fi
[ -z "$native" ] || wait "$native"
