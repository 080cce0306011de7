// The portable contract: the children this process did not start but inherits, as pid 1 or as a subreaper.
// Who reaps by wait(2) alone would steal the children of libuv, whose `exit` events then never come: so first
// look, then reap by pid.
#ifndef DEFERRED_SWEEP_NATIVE_CHILD_REAPER_H_
#define DEFERRED_SWEEP_NATIVE_CHILD_REAPER_H_

namespace deferred_sweep {

// From now on this process adopts what its descendants leave behind. Returns 0 or an errno: ENOSYS where
// there are no subreapers (macOS). Not inherited by children (prctl(2), PR_SET_CHILD_SUBREAPER).
int BecomeSubreaper() noexcept;

// Names a child that has ended and was not reaped yet, and leaves it so: `*pid` is 0 when there is none.
// Returns 0 or an errno. Without children at all it is 0, too.
int PeekEndedChild(int* pid) noexcept;

// Reaps that one child if it has ended. `*reaped` is 1 then, else 0. Returns 0 or an errno; no such child is
// no error.
int ReapChild(int pid, int* reaped) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_CHILD_REAPER_H_
