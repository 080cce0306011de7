#!/usr/bin/env bash
# Installs the packages of examples/integrations, of which none may run a script, and runs its tests with real servers.
# Its tests look at the site, too. Debian packages: redis-server, chromium, postgresql. What is missing is skipped, loudly.
set -euo pipefail
cd "$(dirname "$0")/.."
npm ci --prefix examples/integrations --no-audit --no-fund --ignore-scripts --silent
# Not in its package.json: the lock file would have to follow every dependency of this checkout.
ln -sfn ../../.. examples/integrations/node_modules/deferred-sweep
bash scripts/build-changed.sh
npm run --silent site
bash scripts/run-tests.sh test/examples/integrations
