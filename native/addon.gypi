# What is compiled, and how: the only list. Read by node-gyp (binding.gyp) and by native/build.mjs, so apart from lines of
# comment this is JavaScript's literals, without gyp's variables and conditions.
{
  "sources": [
    "binding.cc",
    "child_reaper.cc",
    "cxx_runtime.cc",
    "descriptor_binding.cc",
    "directory_watch.cc",
    "file_lock_posix.cc",
    "file_stat.cc",
    "inheritance.cc",
    "lease.cc",
    "lock_glance.cc",
    "named_append.cc",
    "napi_values.cc",
    "own_environment.cc",
    "process_binding.cc",
    "process_signal.cc",
    "process_table.cc",
    "readable_poll.cc",
    "service_notify.cc",
    "signal_origin.cc",
    "waiting_process.cc",
    "watchdog_posix.cc",
    "watchdog_timer.cc"
  ],
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
  "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"],
  "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden"],
  "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
  # nodelete: Node unloads the addon with the last worker that had it, but the watchdog's thread is the process's.
  # as-needed: cxx_runtime.cc leaves nothing to be needed of a C++ library.
  # (gyp leaves ldflags out on macOS, whose linker has no such flags.)
  "ldflags": ["-Wl,-z,nodelete", "-Wl,--as-needed", "-Wl,--gc-sections", "-static-libgcc"],
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
