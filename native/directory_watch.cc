#include "directory_watch.h"

#include <errno.h>
#include <stdint.h>

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

int AddDirectoryWatch(int descriptor, const char* path, WatchedEvents events, int* watch) noexcept {
  uint32_t mask = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (events >= WatchedEvents::kEntries) mask |= IN_CREATE | IN_MOVED_TO;
  if (events >= WatchedEvents::kClosing) mask |= IN_CLOSE_WRITE;
  const int number = inotify_add_watch(descriptor, path, mask);
  if (number < 0) return errno;
  *watch = number;
  return 0;
}

int RemoveDirectoryWatch(int descriptor, int watch) noexcept {
  return inotify_rm_watch(descriptor, watch) == 0 ? 0 : errno;
}

#else

int OpenDirectoryWatches(int*) noexcept { return ENOSYS; }

int AddDirectoryWatch(int, const char*, WatchedEvents, int*) noexcept { return ENOSYS; }

int RemoveDirectoryWatch(int, int) noexcept { return ENOSYS; }

#endif

}  // namespace deferred_sweep
