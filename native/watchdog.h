// The portable contract: a time limit for this process that no function in JavaScript can catch or put off. A native
// thread enforces it, and behind that a timer of the kernel where there is one (watchdog_timer.h).
#ifndef DEFERRED_SWEEP_NATIVE_WATCHDOG_H_
#define DEFERRED_SWEEP_NATIVE_WATCHDOG_H_

namespace deferred_sweep {

// Kills this process's group, and this process if it leads none, with SIGKILL, `limit_ms` + `grace_ms` from now,
// unless it is called again before. `limit_ms` 0: never. Returns 0 or an errno.
//
// A process that was stopped (SIGSTOP) meanwhile and is continued has `grace_ms` from its continuation. One that stays
// stopped is killed by the kernel's timer half a second after its time; what it started lives on then.
//
// State of the process, not of a thread or environment: for a process that is ours alone, a runner. Neither the thread
// nor the timer goes to processes it starts (fork(2), timer_create(2)).
int SetWatchdog(int limit_ms, int grace_ms) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_WATCHDOG_H_
