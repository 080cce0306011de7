# For node-gyp in a checkout; all that matters is in native/addon.gypi. It is not in the package: npm and pnpm would take
# a binding.gyp at its root for an install script. There native/build.mjs compiles.
{
  "targets": [
    {
      "target_name": "deferred_sweep",
      "includes": ["native/addon.gypi"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "ldflags": ["-Wl,--version-script=<(module_root_dir)/native/exports.map"]
    },
    {
      "target_name": "become_user",
      "type": "executable",
      "sources": ["native/become_user.c"],
      "cflags": ["-Wall", "-Wextra", "-Werror"]
    }
  ]
}
