// A timer of the kernel that ends this process when even its native threads do not run.
#ifndef DEFERRED_SWEEP_NATIVE_WATCHDOG_TIMER_H_
#define DEFERRED_SWEEP_NATIVE_WATCHDOG_TIMER_H_

#include <cstdint>

namespace deferred_sweep {

// Makes the kernel send SIGKILL to this process alone, `after_ms` from now, also while it is stopped; 0 is
// never. Each call replaces the one before. Returns 0 or an errno. Does nothing on systems without such a
// timer (macOS).
int SetKillTimer(int64_t after_ms) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_WATCHDOG_TIMER_H_
