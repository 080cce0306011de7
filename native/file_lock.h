// The portable contract: whole-file advisory locks on a descriptor the caller holds. The implementation for
// POSIX systems is file_lock_posix.cc; nothing else in this addon knows which system it runs on.
#ifndef DEFERRED_SWEEP_NATIVE_FILE_LOCK_H_
#define DEFERRED_SWEEP_NATIVE_FILE_LOCK_H_

namespace deferred_sweep {

// What the open file description holds after a successful call. The values are those JavaScript passes.
enum class LockMode { kUnlock = 0, kShared = 1, kExclusive = 2 };

// Which kind of lock. Both belong to the open file description, not to the process: they outlive the close of
// any other descriptor of the file, and go with the last descriptor of this description, by SIGKILL too.
// The values are those JavaScript passes.
enum class LockScheme {
  kFlock = 0,  // flock(2)
  kOfd = 1,    // fcntl(2) F_OFD_SETLK over all bytes, whatever the file's length now or later
};

// How a call ended.
struct LockResult {
  int error;            // 0, or the errno of the system call
  const char* syscall;  // the system call made, "flock" or "fcntl"; static storage
};

// Brings the open file description of `descriptor` to `mode`, at once or not at all: it never waits for
// another holder. A held lock is converted to another mode; where that is contended, flock(2) may have given
// up the old mode by then, an OFD lock is kept. Interruptions by a signal (EINTR) are retried.
//
// `descriptor` stays the caller's and is never closed. Keeps no state, so any thread may call it at any time.
// Errors: see flock(2) and fcntl(2); EINVAL for kOfd also where this build or kernel has no OFD locks.
LockResult SetFileLock(int descriptor, LockMode mode, LockScheme scheme) noexcept;

// True if `result` says that another open file description holds the lock: EWOULDBLOCK, EAGAIN, or the EACCES
// that POSIX allows fcntl(2) for the same condition.
bool IsContended(const LockResult& result) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_FILE_LOCK_H_
