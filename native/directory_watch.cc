#include "directory_watch.h"

#include <errno.h>

#ifdef __linux__
#include <sys/inotify.h>
#endif

namespace deferred_sweep {

#ifdef __linux__

int OpenDirectoryWatches(int* descriptor) noexcept {
  const int opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (opened < 0) return errno;
  *descriptor = opened;
  return 0;
}

int AddDirectoryWatch(int descriptor, const char* path, int* watch) noexcept {
  const int number = inotify_add_watch(
      descriptor, path,
      IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
  if (number < 0) return errno;
  *watch = number;
  return 0;
}

int RemoveDirectoryWatch(int descriptor, int watch) noexcept {
  return inotify_rm_watch(descriptor, watch) == 0 ? 0 : errno;
}

#else

int OpenDirectoryWatches(int*) noexcept { return ENOSYS; }

int AddDirectoryWatch(int, const char*, int*) noexcept { return ENOSYS; }

int RemoveDirectoryWatch(int, int) noexcept { return ENOSYS; }

#endif

}  // namespace deferred_sweep
