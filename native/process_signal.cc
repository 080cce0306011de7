#include "process_signal.h"

#include <errno.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace deferred_sweep {

#ifdef __linux__

namespace {
// By number, the same on every architecture: the C library may be older than the kernel.
constexpr long kPidfdSendSignal = 424;
constexpr long kPidfdOpen = 434;
}  // namespace

int OpenProcess(int pid, int* descriptor) noexcept {
  const long opened = syscall(kPidfdOpen, pid, 0);
  if (opened < 0) return errno;
  *descriptor = static_cast<int>(opened);
  return 0;
}

int SignalProcess(int descriptor, int signal) noexcept {
  return syscall(kPidfdSendSignal, descriptor, signal, nullptr, 0) == 0 ? 0 : errno;
}

#else

int OpenProcess(int, int*) noexcept { return ENOSYS; }

int SignalProcess(int, int) noexcept { return ENOSYS; }

#endif

}  // namespace deferred_sweep
