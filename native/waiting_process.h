// The portable contract: a process of ours that does nothing, until it is ended. While it is there, a caller
// can enter its directory of /proc; when it has ended, every name in that directory gives ESRCH, `..` too.
#ifndef DEFERRED_SWEEP_NATIVE_WAITING_PROCESS_H_
#define DEFERRED_SWEEP_NATIVE_WAITING_PROCESS_H_

namespace deferred_sweep {

// Starts a process that waits. It holds no descriptor of ours, takes no signal but SIGKILL and SIGSTOP, and
// ends with the thread that started it. Returns 0 or an errno: EAGAIN, ENOMEM; ENOSYS where there is no /proc
// with such directories (macOS).
//
// No program is started, so Node's permission model has nothing to refuse.
int StartWaitingProcess(int* pid) noexcept;

// Ends a process that StartWaitingProcess started, and reaps it. Returns 0 or an errno: ECHILD when it is no
// child of ours.
int EndWaitingProcess(int pid) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_WAITING_PROCESS_H_
