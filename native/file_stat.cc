#include "file_stat.h"

#if defined(__linux__) && (defined(__aarch64__) || (defined(__x86_64__) && defined(__LP64__)))
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#define DEFERRED_SWEEP_STAT_BY_NUMBER
#endif

namespace deferred_sweep {

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

}  // namespace deferred_sweep
