#include "lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

namespace deferred_sweep {

#ifdef __linux__

namespace {
// By number: the C library has these names for _GNU_SOURCE only.
constexpr int kSetSignal = 10;    // F_SETSIG
constexpr int kSetLease = 1024;   // F_SETLEASE
}  // namespace

int ProbeLease(int descriptor, LeaseState* state) noexcept {
  // First: a process that opens the file meanwhile breaks the lease, and the default for that, SIGIO, ends this process.
  // SIGURG is ignored by default.
  if (fcntl(descriptor, kSetSignal, SIGURG) != 0) return errno;
  if (fcntl(descriptor, kSetLease, F_RDLCK) != 0) {
    if (errno != EAGAIN) return errno;
    *state = LeaseState::kHeld;
    return 0;
  }
  *state = LeaseState::kFree;
  return fcntl(descriptor, kSetLease, F_UNLCK) == 0 ? 0 : errno;
}

#else

int ProbeLease(int, LeaseState*) noexcept { return ENOSYS; }

#endif

}  // namespace deferred_sweep
