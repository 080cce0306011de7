#include "named_append.h"

#include <unistd.h>

#include <cerrno>

#include "file_stat.h"

namespace deferred_sweep {

AppendResult AppendNamed(int descriptor, const char* path, const void* bytes, size_t length) noexcept {
  ssize_t written = -1;
  do {
    written = write(descriptor, bytes, length);
  } while (written < 0 && errno == EINTR);
  if (written < 0) return {errno, "write", 0, false};
  const size_t count = static_cast<size_t>(written);
  if (count < length) return {0, "write", count, false};

  struct stat opened = {};
  if (StatDescriptor(descriptor, &opened) != 0) return {errno, "fstat", count, false};
  struct stat named = {};
  if (StatLink(path, &named) == 0) {
    return {0, "lstat", count, named.st_ino == opened.st_ino && named.st_dev == opened.st_dev};
  }
  const int error = errno;
  // ESTALE: a file server has forgotten it.
  const bool is_gone = error == ENOENT || error == ENOTDIR || error == ESTALE;
  return {is_gone ? 0 : error, "lstat", count, false};
}

}  // namespace deferred_sweep
