#include "process_binding.h"

#include <stdlib.h>

#include "child_reaper.h"
#include "napi_values.h"
#include "own_environment.h"
#include "process_signal.h"
#include "process_table.h"
#include "signal_origin.h"
#include "waiting_process.h"

namespace deferred_sweep {
namespace {

// openProcess(pid): descriptor | failure
napi_value OpenProcessBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int pid = PidFrom(env, arguments.at[0]);
  if (pid < 0) return nullptr;
  int descriptor = -1;
  const int error = OpenProcess(pid, &descriptor);
  return NumberOrFailure(env, error, descriptor, "pidfd_open");
}

// signalProcess(descriptor, signal): true | failure
napi_value SignalProcessBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  const int signal = SignalFrom(env, arguments.at[1]);
  if (signal < 0) return nullptr;
  return TrueOrFailure(env, SignalProcess(descriptor, signal), "pidfd_send_signal");
}

// listProcesses(): [pid, parent, start, …] | failure
napi_value ListProcessesBinding(napi_env env, napi_callback_info) {
  ProcessEntry* entries = nullptr;
  size_t count = 0;
  const int error = ListProcesses(&entries, &count);
  if (error != 0) return FailureTo(env, error, "sysctl");
  napi_value list = nullptr;
  if (napi_create_array(env, &list) == napi_ok) {
    for (size_t index = 0; index < count; index++) {
      const auto first = static_cast<uint32_t>(3 * index);
      napi_set_element(env, list, first, NumberTo(env, entries[index].pid));
      napi_set_element(env, list, first + 1, NumberTo(env, entries[index].parent));
      napi_set_element(env, list, first + 2, NumberTo(env, entries[index].start));
    }
  }
  free(entries);
  return list;
}

// processEnvironment(pid): Buffer | failure
napi_value ProcessEnvironmentBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int pid = PidFrom(env, arguments.at[0]);
  if (pid < 0) return nullptr;
  char* bytes = nullptr;
  size_t length = 0;
  const int error = ReadProcessEnvironment(pid, &bytes, &length);
  if (error != 0) return FailureTo(env, error, "sysctl");
  napi_value buffer = nullptr;
  napi_create_buffer_copy(env, length, bytes, nullptr, &buffer);
  free(bytes);
  return buffer;
}

// copyEnvironment(known: Uint8Array): Buffer, or undefined where these are its bytes already
napi_value CopyEnvironmentBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  void* bytes = nullptr;
  size_t length = 0;
  if (napi_get_buffer_info(env, arguments.at[0], &bytes, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "known must be a Uint8Array");
    return nullptr;
  }
  if (IsEnvironment(static_cast<const char*>(bytes), length)) return nullptr;
  length = CopyEnvironment(nullptr, 0);
  napi_value buffer = nullptr;
  if (napi_create_buffer(env, length, &bytes, &buffer) != napi_ok) return nullptr;
  CopyEnvironment(static_cast<char*>(bytes), length);
  return buffer;
}

// becomeSubreaper(): true | failure
napi_value BecomeSubreaperBinding(napi_env env, napi_callback_info) {
  return TrueOrFailure(env, BecomeSubreaper(), "prctl");
}

// peekEndedChild(): pid or 0 | failure
napi_value PeekEndedChildBinding(napi_env env, napi_callback_info) {
  int pid = 0;
  const int error = PeekEndedChild(&pid);
  return NumberOrFailure(env, error, pid, "waitid");
}

// reapChild(pid): 1 reaped, 0 not | failure
napi_value ReapChildBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int pid = PidFrom(env, arguments.at[0]);
  if (pid < 0) return nullptr;
  int reaped = 0;
  const int error = ReapChild(pid, &reaped);
  return NumberOrFailure(env, error, reaped, "waitpid");
}

// keepSignalOrigin(signal): true | failure
napi_value KeepSignalOriginBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int signal = SignalFrom(env, arguments.at[0]);
  if (signal < 0) return nullptr;
  return TrueOrFailure(env, KeepSignalOrigin(signal), "sigaction");
}

// signalSender(signal): pid, 0 the kernel, -1 none
napi_value SignalSenderBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int signal = SignalFrom(env, arguments.at[0]);
  if (signal < 0) return nullptr;
  return NumberTo(env, SignalSender(signal));
}

// startWaitingProcess(): pid | failure
napi_value StartWaitingProcessBinding(napi_env env, napi_callback_info) {
  int pid = 0;
  const int error = StartWaitingProcess(&pid);
  return NumberOrFailure(env, error, pid, "fork");
}

// endWaitingProcess(pid): true | failure
napi_value EndWaitingProcessBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int pid = PidFrom(env, arguments.at[0]);
  if (pid < 0) return nullptr;
  return TrueOrFailure(env, EndWaitingProcess(pid), "waitpid");
}

}  // namespace

napi_status DefineProcessFunctions(napi_env env, napi_value exports) {
  constexpr NamedFunction kFunctions[] = {
      {"openProcess", OpenProcessBinding},
      {"signalProcess", SignalProcessBinding},
      {"listProcesses", ListProcessesBinding},
      {"processEnvironment", ProcessEnvironmentBinding},
      {"copyEnvironment", CopyEnvironmentBinding},
      {"becomeSubreaper", BecomeSubreaperBinding},
      {"peekEndedChild", PeekEndedChildBinding},
      {"reapChild", ReapChildBinding},
      {"keepSignalOrigin", KeepSignalOriginBinding},
      {"signalSender", SignalSenderBinding},
      {"startWaitingProcess", StartWaitingProcessBinding},
      {"endWaitingProcess", EndWaitingProcessBinding},
  };
  return DefineFunctions(env, exports, kFunctions, sizeof(kFunctions) / sizeof(*kFunctions));
}

}  // namespace deferred_sweep
