#include "signal_origin.h"

#include <errno.h>
#include <signal.h>

namespace deferred_sweep {
namespace {

constexpr int kSignals = 65;

// Written by the handler, read by the main thread after libuv has told it of the signal; `senders` is 1 too
// high, so that zeros mean none.
volatile sig_atomic_t senders[kSignals];
// Written before the handler is installed.
void (*handlers[kSignals])(int);

// Async-signal-safe: it writes a number and calls what was the handler before.
void OnSignal(int signal, siginfo_t* info, void*) {
  const bool is_from_process = info->si_code <= 0 && info->si_pid > 0;
  senders[signal] = is_from_process ? info->si_pid + 1 : 1;
  handlers[signal](signal);
}

}  // namespace

int KeepSignalOrigin(int signal) noexcept {
  if (signal <= 0 || signal >= kSignals) return EINVAL;
  struct sigaction action = {};
  if (sigaction(signal, nullptr, &action) != 0) return errno;
  if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction == OnSignal ? 0 : EINVAL;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return EINVAL;
  handlers[signal] = action.sa_handler;
  action.sa_sigaction = OnSignal;
  action.sa_flags |= SA_SIGINFO;
  return sigaction(signal, &action, nullptr) == 0 ? 0 : errno;
}

int SignalSender(int signal) noexcept {
  return signal <= 0 || signal >= kSignals ? -1 : static_cast<int>(senders[signal]) - 1;
}

}  // namespace deferred_sweep
