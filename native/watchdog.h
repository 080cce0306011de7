// The portable contract: a time limit for this process that holds whatever its threads do, since the kernel's timer
// and a signal handler enforce it. The implementation for POSIX systems is watchdog_posix.cc.
#ifndef DEFERRED_SWEEP_NATIVE_WATCHDOG_H_
#define DEFERRED_SWEEP_NATIVE_WATCHDOG_H_

namespace deferred_sweep {

// Kills this process's group, and this process if it leads none, with SIGKILL, `limit_ms` + `grace_ms` from now,
// unless it is called again before. `limit_ms` 0: never. Returns 0 or an errno.
//
// A process that was stopped (SIGSTOP) meanwhile has `grace_ms` from its continuation, not from its limit.
//
// State of the process, not of a thread or environment: it takes ITIMER_REAL and SIGALRM, of which a process has one
// each (POSIX). So for a process that is ours alone, a runner, and from its main thread. Neither goes to processes it
// starts: fork(2) clears the timer, execve(2) the handler.
int SetWatchdog(int limit_ms, int grace_ms) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_WATCHDOG_H_
