#include "watchdog_timer.h"

#if defined(__linux__)
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace deferred_sweep {
namespace {

// Calls timer_create(2) by its number, since its symbol moved between libraries of glibc.
int timer = -1;

}  // namespace

int SetKillTimer(int64_t after_ms) noexcept {
  if (timer == -1) {
    if (after_ms == 0) return 0;
    struct sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    // SIGKILL takes no handler, and also ends a stopped process.
    event.sigev_signo = SIGKILL;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) != 0) return errno;
  }
  struct itimerspec time = {};
  time.it_value.tv_sec = static_cast<time_t>(after_ms / 1000);
  time.it_value.tv_nsec = static_cast<long>(after_ms % 1000) * 1000000;
  return syscall(SYS_timer_settime, timer, 0, &time, nullptr) == 0 ? 0 : errno;
}

}  // namespace deferred_sweep

#else

namespace deferred_sweep {

int SetKillTimer(int64_t) noexcept { return 0; }

}  // namespace deferred_sweep

#endif
