#include "environment.h"

#include <string.h>

#ifdef __APPLE__
#include <crt_externs.h>
#else
#include <unistd.h>
#endif

namespace deferred_sweep {

size_t CopyEnvironment(char* into, size_t size) noexcept {
#ifdef __APPLE__
  // A library has no `environ` there: environ(7).
  char** const entries = *_NSGetEnviron();
#else
  char** const entries = environ;
#endif
  size_t used = 0;
  // clearenv(3) leaves a null pointer.
  for (char** entry = entries; entry != nullptr && *entry != nullptr; entry++) {
    const size_t length = strlen(*entry) + 1;
    if (used <= size && length <= size - used) memcpy(into + used, *entry, length);
    used += length;
  }
  return used;
}

}  // namespace deferred_sweep
