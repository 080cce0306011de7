#include "waiting_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace deferred_sweep {

#ifdef __linux__

namespace {

// By number, the same on every architecture: the C library may be older than the kernel.
constexpr long kCloseRange = 436;

// In the child of a process with threads: only what signal handlers may call.
[[noreturn]] void Wait(pid_t parent) {
  // A lock must not outlive its holder for this process's sake. Linux before 5.9 has no close_range(2); there
  // the descriptors go with the thread below, as everywhere.
  syscall(kCloseRange, 0, ~0U, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before prctl.
  while (getppid() == parent) pause();
  _exit(0);
}

}  // namespace

int StartWaitingProcess(int* pid) noexcept {
  // Node's handlers are for Node. What is blocked here stays blocked in the child.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) Wait(parent);
  const int error = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  *pid = child;
  return error;
}

#else

int StartWaitingProcess(int*) noexcept { return ENOSYS; }

#endif

int EndWaitingProcess(int pid) noexcept {
  // Only of a child that runs, or that is not reaped yet, is this the pid.
  const pid_t ended = waitpid(pid, nullptr, WNOHANG);
  if (ended != 0) return ended < 0 ? errno : 0;
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0)
    if (errno != EINTR) return errno;
  return 0;
}

}  // namespace deferred_sweep
