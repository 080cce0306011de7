#include "own_environment.h"

#include <string.h>

#ifdef __APPLE__
#include <crt_externs.h>
#else
extern char** environ;
#endif

namespace deferred_sweep {

namespace {

// Null after clearenv(3).
char** Strings() noexcept {
#ifdef __APPLE__
  // A library has no `environ` of its own there.
  return *_NSGetEnviron();
#else
  return environ;
#endif
}

}  // namespace

size_t CopyEnvironment(char* bytes, size_t size) noexcept {
  size_t length = 0;
  for (char** at = Strings(); at != nullptr && *at != nullptr; at++) {
    const size_t count = strlen(*at) + 1;
    if (length + count <= size) memcpy(bytes + length, *at, count);
    length += count;
  }
  return length;
}

bool IsEnvironment(const char* bytes, size_t length) noexcept {
  for (char** at = Strings(); at != nullptr && *at != nullptr; at++) {
    const size_t count = strlen(*at) + 1;
    if (count > length || memcmp(bytes, *at, count) != 0) return false;
    bytes += count;
    length -= count;
  }
  return length == 0;
}

}  // namespace deferred_sweep
