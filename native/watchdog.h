// The portable contract: a time limit for this process that no function in JavaScript can catch or put off. A
// native thread enforces it; if that fails, a timer of the kernel does, if there is one (watchdog_timer.h).
#ifndef DEFERRED_SWEEP_NATIVE_WATCHDOG_H_
#define DEFERRED_SWEEP_NATIVE_WATCHDOG_H_

namespace deferred_sweep {

// Sends SIGKILL to this process's group, or to this process if it leads none, `limit_ms` + `grace_ms` from
// now. Each call replaces the one before. `limit_ms` 0 is never. Returns 0 or an errno.
//
// A process that was stopped (SIGSTOP) and is continued has `grace_ms` from then on. The kernel's timer kills
// a process that stays stopped, half a second after its time; programs that it started live on.
//
// The state belongs to the process, not to a thread or environment: only runners use it. Child processes
// inherit neither the thread nor the timer (fork(2), timer_create(2)).
int SetWatchdog(int limit_ms, int grace_ms) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_WATCHDOG_H_
