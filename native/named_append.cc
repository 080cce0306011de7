#include "named_append.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#if defined(__linux__) && (defined(__aarch64__) || (defined(__x86_64__) && defined(__LP64__)))
#include <fcntl.h>
#include <sys/syscall.h>
#define DEFERRED_SWEEP_STAT_BY_NUMBER
#endif

namespace deferred_sweep {

namespace {

// glibc has fstat and lstat since 2.33 only. For an older one the linker adds its own, whose errno is not the
// process's, and which no program of musl's can load. On these machines the kernel's struct stat is the C
// library's.
#ifdef DEFERRED_SWEEP_STAT_BY_NUMBER
int StatDescriptor(int descriptor, struct stat* found) noexcept {
  return static_cast<int>(syscall(SYS_fstat, descriptor, found));
}

int StatLink(const char* path, struct stat* found) noexcept {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, found, AT_SYMLINK_NOFOLLOW));
}
#else
int StatDescriptor(int descriptor, struct stat* found) noexcept { return fstat(descriptor, found); }

int StatLink(const char* path, struct stat* found) noexcept { return lstat(path, found); }
#endif

}  // namespace

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
