#include "child_reaper.h"

#include <errno.h>
#include <sys/wait.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace deferred_sweep {

int BecomeSubreaper() noexcept {
#ifdef __linux__
  // PR_SET_CHILD_SUBREAPER, Linux 3.4; by number, since old headers lack it.
  return prctl(36, 1, 0, 0, 0) == 0 ? 0 : errno;
#else
  return ENOSYS;
#endif
}

int PeekEndedChild(int* pid) noexcept {
  // Zeroed: when no child has ended, waitid(2) returns 0 and need not touch it.
  siginfo_t info = {};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    if (errno == EINTR) continue;
    if (errno != ECHILD) return errno;
    break;
  }
  *pid = info.si_pid;
  return 0;
}

int ReapChild(int pid, int* reaped) noexcept {
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    *reaped = ended == pid ? 1 : 0;
    if (ended >= 0 || errno == ECHILD) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace deferred_sweep
