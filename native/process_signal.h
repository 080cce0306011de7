// The portable contract: a signal to one process, by a descriptor that names it for as long as it is open. A
// pid names another process as soon as its own has ended and was reaped.
#ifndef DEFERRED_SWEEP_NATIVE_PROCESS_SIGNAL_H_
#define DEFERRED_SWEEP_NATIVE_PROCESS_SIGNAL_H_

namespace deferred_sweep {

// Opens a descriptor (close-on-exec) of the process that has this pid now. Returns 0 or an errno: ESRCH when
// there is none; ENOSYS where there are no such descriptors (Linux before 5.3, macOS); EPERM in some
// sandboxes.
//
// The caller asks who the process is *after* this call: the answer then holds for the descriptor.
int OpenProcess(int pid, int* descriptor) noexcept;

// Sends `signal` to the process of the descriptor; 0 sends none and asks only. Returns 0 or an errno: ESRCH
// when it has been reaped, EPERM when it is another user's.
int SignalProcess(int descriptor, int signal) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_PROCESS_SIGNAL_H_
