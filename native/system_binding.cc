#include "system_binding.h"

#include <stdlib.h>

#include "child_reaper.h"
#include "directory_watch.h"
#include "inheritance.h"
#include "lease.h"
#include "napi_values.h"
#include "process_signal.h"
#include "process_table.h"
#include "readable_poll.h"
#include "service_notify.h"
#include "signal_origin.h"

namespace deferred_sweep {
namespace {

constexpr int kMaxInt = 0x7fffffff;
constexpr char kBadDescriptor[] = "descriptor must be an integer from 0 to 2147483647";
constexpr char kBadPid[] = "pid must be an integer from 1 to 2147483647";
constexpr char kBadSignal[] = "signal must be an integer from 0 to 64";
constexpr size_t kMaxPath = 4096;

// Its arguments; those that are missing are undefined.
struct Arguments {
  napi_value at[3];

  Arguments(napi_env env, napi_callback_info info) : at{nullptr, nullptr, nullptr} {
    size_t count = 3;
    napi_get_cb_info(env, info, &count, at, nullptr, nullptr);
  }
};

int DescriptorFrom(napi_env env, napi_value value) {
  return IntegerFrom(env, value, kMaxInt, kBadDescriptor);
}

// Never 0, which kill(2) and its like take for many processes.
int PidFrom(napi_env env, napi_value value) {
  const int pid = IntegerFrom(env, value, kMaxInt, kBadPid);
  if (pid != 0) return pid;
  napi_throw_type_error(env, nullptr, kBadPid);
  return -1;
}

napi_value True(napi_env env) {
  napi_value value = nullptr;
  napi_get_boolean(env, true, &value);
  return value;
}

napi_value NumberOrFailure(napi_env env, int error, double number, const char* syscall) {
  return error == 0 ? NumberTo(env, number) : FailureTo(env, error, syscall);
}

napi_value TrueOrFailure(napi_env env, int error, const char* syscall) {
  return error == 0 ? True(env) : FailureTo(env, error, syscall);
}

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
  const int signal = IntegerFrom(env, arguments.at[1], 64, kBadSignal);
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

// openDirectoryWatches(): descriptor | failure
napi_value OpenDirectoryWatchesBinding(napi_env env, napi_callback_info) {
  int descriptor = -1;
  const int error = OpenDirectoryWatches(&descriptor);
  return NumberOrFailure(env, error, descriptor, "inotify_init1");
}

// addDirectoryWatch(descriptor, path, events): number of the watch | failure
napi_value AddDirectoryWatchBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  char path[kMaxPath];
  size_t length = 0;
  if (!TextFrom(env, arguments.at[1], path, sizeof(path), &length,
                "path must be a string of at most 4095 bytes"))
    return nullptr;
  const int events = IntegerFrom(env, arguments.at[2], static_cast<int>(WatchedEvents::kClosing),
                                 "events must be an integer from 0 to 2");
  if (events < 0) return nullptr;
  int watch = -1;
  const int error = AddDirectoryWatch(descriptor, path, static_cast<WatchedEvents>(events), &watch);
  return NumberOrFailure(env, error, watch, "inotify_add_watch");
}

// removeDirectoryWatch(descriptor, number of the watch): true | failure
napi_value RemoveDirectoryWatchBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  const int watch =
      IntegerFrom(env, arguments.at[1], kMaxInt, "watch must be an integer from 0 to 2147483647");
  if (watch < 0) return nullptr;
  return TrueOrFailure(env, RemoveDirectoryWatch(descriptor, watch), "inotify_rm_watch");
}

// probeLease(descriptor): 0 free, 1 held | failure
napi_value ProbeLeaseBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  LeaseState state = LeaseState::kFree;
  const int error = ProbeLease(descriptor, &state);
  return NumberOrFailure(env, error, static_cast<int>(state), "fcntl");
}

// sendDatagram(path, message): true | failure
napi_value SendDatagramBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  char path[kMaxPath];
  size_t length = 0;
  if (!TextFrom(env, arguments.at[0], path, sizeof(path), &length,
                "path must be a string of at most 4095 bytes"))
    return nullptr;
  char message[kMaxPath];
  if (!TextFrom(env, arguments.at[1], message, sizeof(message), &length,
                "message must be a string of at most 4095 bytes"))
    return nullptr;
  return TrueOrFailure(env, SendDatagram(path, message, length), "sendto");
}

// duplicateInheritable(descriptor, lowest): descriptor | failure
napi_value DuplicateInheritableBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  const int lowest = DescriptorFrom(env, arguments.at[1]);
  if (lowest < 0) return nullptr;
  int duplicate = -1;
  const int error = DuplicateInheritable(descriptor, lowest, &duplicate);
  return NumberOrFailure(env, error, duplicate, "fcntl");
}

// keepSignalOrigin(signal): true | failure
napi_value KeepSignalOriginBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int signal = IntegerFrom(env, arguments.at[0], 64, kBadSignal);
  if (signal < 0) return nullptr;
  return TrueOrFailure(env, KeepSignalOrigin(signal), "sigaction");
}

// signalSender(signal): pid, 0 the kernel, -1 none
napi_value SignalSenderBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int signal = IntegerFrom(env, arguments.at[0], 64, kBadSignal);
  if (signal < 0) return nullptr;
  return NumberTo(env, SignalSender(signal));
}

}  // namespace

napi_status DefineSystemFunctions(napi_env env, napi_value exports) {
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"openProcess", OpenProcessBinding},
      {"signalProcess", SignalProcessBinding},
      {"listProcesses", ListProcessesBinding},
      {"processEnvironment", ProcessEnvironmentBinding},
      {"becomeSubreaper", BecomeSubreaperBinding},
      {"peekEndedChild", PeekEndedChildBinding},
      {"reapChild", ReapChildBinding},
      {"openDirectoryWatches", OpenDirectoryWatchesBinding},
      {"addDirectoryWatch", AddDirectoryWatchBinding},
      {"removeDirectoryWatch", RemoveDirectoryWatchBinding},
      {"pollReadable", PollReadable},
      {"probeLease", ProbeLeaseBinding},
      {"sendDatagram", SendDatagramBinding},
      {"duplicateInheritable", DuplicateInheritableBinding},
      {"keepSignalOrigin", KeepSignalOriginBinding},
      {"signalSender", SignalSenderBinding},
  };
  for (const auto& [name, function] : functions) {
    napi_value value = nullptr;
    napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    if (status == napi_ok) status = napi_set_named_property(env, exports, name, value);
    if (status != napi_ok) return status;
  }
  return napi_ok;
}

}  // namespace deferred_sweep
