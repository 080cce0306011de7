// The portable contract: whether a file is open for writing anywhere on this machine, asked without taking a lock that
// others would run into.
#ifndef DEFERRED_SWEEP_NATIVE_LEASE_H_
#define DEFERRED_SWEEP_NATIVE_LEASE_H_

namespace deferred_sweep {

enum class LeaseState { kFree = 0, kHeld = 1 };

// Takes a read lease on a descriptor that was opened for reading only, and gives it back at once: it is granted only if
// the file is open for writing nowhere (fcntl(2), F_SETLEASE). Returns 0 or an errno, which means that nothing is known:
// EACCES for a file of another user, EINVAL where the file system has no leases, ENOSYS on macOS.
//
// An open(2) for writing with O_NONBLOCK in these microseconds gets EAGAIN: its caller tries again.
int ProbeLease(int descriptor, LeaseState* state) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_LEASE_H_
