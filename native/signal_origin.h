// The portable contract: where a signal came from, which libuv does not tell. The kernel sends what is typed
// on a terminal to a whole process group: who forwards it to a child would send it twice.
#ifndef DEFERRED_SWEEP_NATIVE_SIGNAL_ORIGIN_H_
#define DEFERRED_SWEEP_NATIVE_SIGNAL_ORIGIN_H_

namespace deferred_sweep {

// From now on the origin of this signal is kept. The handler that is there now, libuv's, is called as before:
// so call this when JavaScript listens to the signal. Returns 0 or an errno: EINVAL when no plain handler is
// there.
//
// State of the process, as handlers are. Call it from the main thread.
int KeepSignalOrigin(int signal) noexcept;

// The pid that sent the signal last; 0 when the kernel sent it, as for a terminal; -1 when none came.
int SignalSender(int signal) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_SIGNAL_ORIGIN_H_
