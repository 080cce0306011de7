#!/usr/bin/env bash
# Packs the package, installs the tarball in an empty project without install scripts, and uses it as a stranger would.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" >/dev/null
npx --no-install publint --strict "$work"/deferred-sweep-*.tgz
npx --no-install attw "$work"/deferred-sweep-*.tgz --profile esm-only

mkdir "$work/project"
cd "$work/project"
printf '{ "type": "module", "private": true }\n' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts "$work"/deferred-sweep-*.tgz
cat >worker.mjs <<'PROGRAM'
import fs from 'node:fs';
import { DeferredFunctionManager } from 'deferred-sweep';
import { tryLock } from 'deferred-sweep/lock';
if (typeof tryLock !== 'function') throw new Error('deferred-sweep/lock has no tryLock');
const job = await new DeferredFunctionManager('.').open();
fs.mkdirSync('scratch');
job.defer(fs.promises.rm, `${process.cwd()}/scratch`, { recursive: true });
process.kill(process.pid, 'SIGKILL');
PROGRAM
node worker.mjs || true
[ -d scratch ] || { echo 'check-package: the worker left no scratch directory' >&2; exit 1; }
npx --no-install deferred-sweep .
[ ! -d scratch ] || { echo 'check-package: the sweep did not remove it' >&2; exit 1; }
echo 'check-package: ok'
