// The kernel's own end of this process: for when even its native threads do not run.
#ifndef DEFERRED_SWEEP_NATIVE_WATCHDOG_TIMER_H_
#define DEFERRED_SWEEP_NATIVE_WATCHDOG_TIMER_H_

#include <cstdint>

namespace deferred_sweep {

// Has the kernel send SIGKILL to this process alone, `after_ms` from now, also while it is stopped; 0 is never. A call
// takes the place of the one before. Returns 0 or an errno. Where the system has no such timer (macOS) it does nothing.
int SetKillTimer(int64_t after_ms) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_WATCHDOG_TIMER_H_
