#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "watchdog.h"

namespace deferred_sweep {
namespace {

// Written with the timer disarmed; read and written by the handler. Each expiry is handled before the next is due.
volatile sig_atomic_t grace_left_ms = 0;

int StartTimer(int milliseconds) noexcept {
  struct itimerval timer = {};
  timer.it_value.tv_sec = milliseconds / 1000;
  timer.it_value.tv_usec = static_cast<suseconds_t>(milliseconds % 1000) * 1000;
  return setitimer(ITIMER_REAL, &timer, nullptr) == 0 ? 0 : errno;
}

// Async-signal-safe: kill(2) and getpid(2) are by POSIX; setitimer(2) is a bare system call here and on macOS.
void OnAlarm(int) {
  const int interrupted_errno = errno;
  const int grace_ms = grace_left_ms;
  grace_left_ms = 0;
  // In two steps, because the timer of a stopped process runs on: continued, it would die of a limit that its event
  // loop has had no turn to announce to the function.
  if (grace_ms > 0 && StartTimer(grace_ms) == 0) {
    errno = interrupted_errno;
    return;
  }
  kill(-getpid(), SIGKILL);
  kill(getpid(), SIGKILL);
}

}  // namespace

int SetWatchdog(int limit_ms, int grace_ms) noexcept {
  // First: an expiry between the assignments below would take one limit's grace for another's.
  const int error = StartTimer(0);
  if (error != 0 || limit_ms == 0) return error;
  grace_left_ms = grace_ms;
  // Every time: what ran before may have taken the signal for itself.
  struct sigaction action = {};
  action.sa_handler = OnAlarm;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGALRM, &action, nullptr) != 0) return errno;
  return StartTimer(limit_ms);
}

}  // namespace deferred_sweep
