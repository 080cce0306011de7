#!/usr/bin/env bash
# Packs the package, looks at the tarball, and installs and uses it as a stranger would: with npm and pnpm on this Node,
# on an emulated arm64, and in TypeScript. `npm run test:installs` does that for all managers, Nodes and TypeScripts.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# No file, export or dependency that nothing uses.
npx --no-install knip

npm pack --silent --pack-destination "$work" >"$work/packed"
tarball=$(echo "$work"/deferred-sweep-*.tgz)
npx --no-install publint --strict "$tarball"
npx --no-install attw "$tarball" --profile esm-only

tar -tzf "$tarball" >"$work/files"
if grep -E '^package/(binding\.gyp|build/|.*/node_modules/)' "$work/files"; then
  echo 'check-package: the tarball has what it must not have' >&2
  exit 1
fi
for prebuilt in {linux,darwin}-{x64,arm64}/{deferred_sweep.node,become_user} linux-{x64,arm64}/become_user_musl; do
  grep -qx "package/prebuilds/$prebuilt" "$work/files" ||
    echo "check-package: NOT IN THE TARBALL, so not for release: prebuilds/$prebuilt" >&2
done

# The addon that was just built for this platform, in a process of musl's.
npm test -- test/native/musl.test.ts

# What README's picture shows is what happens.
node scripts/record-first-minutes.mjs "$tarball" --check

node scripts/test-installs.mjs --managers npm11,pnpm --nodes current --arm64 "$tarball"
node scripts/test-types.mjs "$tarball" current
echo 'check-package: ok'
