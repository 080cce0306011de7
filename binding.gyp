{
  "targets": [
    {
      "target_name": "deferred_sweep",
      "sources": [
        "native/binding.cc",
        "native/child_reaper.cc",
        "native/directory_watch.cc",
        "native/file_lock_posix.cc",
        "native/inheritance.cc",
        "native/lease.cc",
        "native/napi_values.cc",
        "native/process_signal.cc",
        "native/process_table.cc",
        "native/readable_poll.cc",
        "native/service_notify.cc",
        "native/signal_origin.cc",
        "native/system_binding.cc",
        "native/watchdog_posix.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # A literal: a gyp variable napi_build_version is overridden by that of the Node that builds.
      # SWALLOW: in a worker that is being terminated nothing can be thrown; without it that ends the process.
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      # With it, glibc turns fcntl into fcntl64@GLIBC_2.28, which neither older glibc nor musl has. off_t has
      # 64 bits without it wherever we build (file_lock_posix.cc asserts that).
      "defines!": ["_FILE_OFFSET_BITS=64"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden"],
      "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
      # Node unloads the addon with the last worker that had it, but the watchdog's signal handler is the process's.
      # (gyp leaves ldflags out on macOS, whose linker has no such flag.)
      "ldflags": ["-Wl,-z,nodelete"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
        "GCC_ENABLE_CPP_RTTI": "NO",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "GCC_TREAT_WARNINGS_AS_ERRORS": "YES",
        "MACOSX_DEPLOYMENT_TARGET": "11.0",
        "OTHER_CFLAGS": ["-Wall", "-Wextra", "-fvisibility-inlines-hidden"]
      }
    }
  ]
}
