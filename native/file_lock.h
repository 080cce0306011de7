// The portable contract: whole-file advisory locks on a descriptor of the caller. file_lock_posix.cc
// implements it for POSIX systems.
#ifndef DEFERRED_SWEEP_NATIVE_FILE_LOCK_H_
#define DEFERRED_SWEEP_NATIVE_FILE_LOCK_H_

namespace deferred_sweep {

// The lock that the open file description holds after a successful call. JavaScript passes these values.
enum class LockMode { kUnlock = 0, kShared = 1, kExclusive = 2 };

// The kind of lock. Both kinds belong to the open file description, not to the process. They outlive the
// close of any other descriptor of the file, and end with the last descriptor of this description, also by
// SIGKILL. JavaScript passes these values.
enum class LockScheme {
  kFlock = 0,  // flock(2)
  kOfd = 1,    // fcntl(2) F_OFD_SETLK over all bytes, also when the file grows
};

// The result of a call.
struct LockResult {
  int error;            // 0, or the errno of the system call
  const char* syscall;  // the system call made, "flock" or "fcntl"; static storage
};

// Sets the lock of the open file description of `descriptor` to `mode`, without waiting for another holder. A
// held lock is converted. If the conversion is contended, flock(2) may have lost the old lock; an OFD lock is
// kept. Retries after EINTR.
//
// `descriptor` stays the caller's and is never closed. There is no state, so any thread may call this at any
// time. Errors: see flock(2) and fcntl(2); EINVAL for kOfd also if this build or kernel has no OFD locks.
LockResult SetFileLock(int descriptor, LockMode mode, LockScheme scheme) noexcept;

// True if another open file description holds the lock: EWOULDBLOCK, EAGAIN, or EACCES, which POSIX allows
// fcntl(2) for the same condition.
bool IsContended(const LockResult& result) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_FILE_LOCK_H_
