// The portable contract: a descriptor that becomes readable when something happens in a directory. JavaScript
// polls it (readable_poll.h), reads it without blocking, and reads the events as inotify(7) has them.
#ifndef DEFERRED_SWEEP_NATIVE_DIRECTORY_WATCH_H_
#define DEFERRED_SWEEP_NATIVE_DIRECTORY_WATCH_H_

namespace deferred_sweep {

// Opens an empty set of watches: non-blocking, close-on-exec. Returns 0 or an errno: ENOSYS where there is no
// inotify (macOS); EMFILE when the user has too many (fs.inotify.max_user_instances).
int OpenDirectoryWatches(int* descriptor) noexcept;

// What is told of a directory. Each tells what the one before it tells, too.
enum class WatchedEvents {
  kItsEnd = 0,   // IN_DELETE_SELF, IN_MOVE_SELF
  kEntries = 1,  // IN_CREATE, IN_MOVED_TO
  kClosing = 2,  // IN_CLOSE_WRITE: the last copy of a descriptor that could write is closed
};

// Adds a directory, and nothing but a directory, to the set. The kernel adds IN_Q_OVERFLOW and IN_IGNORED to
// its events. `*watch` is the number in them; a directory that is in the set already keeps its number, and
// has these events from now on. Returns 0 or an errno.
int AddDirectoryWatch(int descriptor, const char* path, WatchedEvents events, int* watch) noexcept;

// Takes a watch out of the set: of a directory that has been renamed, whose events would go on. Returns 0 or
// an errno; EINVAL when the kernel has taken it out already.
int RemoveDirectoryWatch(int descriptor, int watch) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_DIRECTORY_WATCH_H_
