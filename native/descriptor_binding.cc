#include "descriptor_binding.h"

#include "directory_watch.h"
#include "inheritance.h"
#include "lease.h"
#include "lock_glance.h"
#include "named_append.h"
#include "napi_values.h"
#include "readable_poll.h"
#include "service_notify.h"

namespace deferred_sweep {
namespace {

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
  char path[kMaxText];
  if (!PathFrom(env, arguments.at[1], path)) return nullptr;
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
  char path[kMaxText];
  if (!PathFrom(env, arguments.at[0], path)) return nullptr;
  char message[kMaxText];
  size_t length = 0;
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

// appendNamed(descriptor, path, bytes: Uint8Array): true | false | number of bytes written | failure
//
// True: all bytes are written, and the path names the file. False: it does not. A number: so many bytes are
// written, and not all.
napi_value AppendNamedBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  char path[kMaxText];
  if (!PathFrom(env, arguments.at[1], path)) return nullptr;
  void* bytes = nullptr;
  size_t length = 0;
  if (napi_get_buffer_info(env, arguments.at[2], &bytes, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "bytes must be a Uint8Array");
    return nullptr;
  }
  const AppendResult result = AppendNamed(descriptor, path, bytes, length);
  if (result.error != 0) return FailureTo(env, result.error, result.syscall);
  if (result.written < length) return NumberTo(env, static_cast<double>(result.written));
  napi_value value = nullptr;
  napi_get_boolean(env, result.is_named, &value);
  return value;
}

// isStillLocked(path, scheme: 0 | 1, size, modifiedNs): boolean
napi_value IsStillLockedBinding(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  char path[kMaxText];
  if (!PathFrom(env, arguments.at[0], path)) return nullptr;
  const int scheme = SchemeFrom(env, arguments.at[1]);
  if (scheme < 0) return nullptr;
  KnownFile known = {};
  if (napi_get_value_double(env, arguments.at[2], &known.size) != napi_ok ||
      napi_get_value_double(env, arguments.at[3], &known.modified_ns) != napi_ok) {
    napi_throw_type_error(env, nullptr, "size and modifiedNs must be numbers");
    return nullptr;
  }
  napi_value value = nullptr;
  napi_get_boolean(env, IsStillLocked(path, static_cast<LockScheme>(scheme), known), &value);
  return value;
}

}  // namespace

napi_status DefineDescriptorFunctions(napi_env env, napi_value exports) {
  constexpr NamedFunction kFunctions[] = {
      {"openDirectoryWatches", OpenDirectoryWatchesBinding},
      {"addDirectoryWatch", AddDirectoryWatchBinding},
      {"appendNamed", AppendNamedBinding},
      {"removeDirectoryWatch", RemoveDirectoryWatchBinding},
      {"probeLease", ProbeLeaseBinding},
      {"isStillLocked", IsStillLockedBinding},
      {"sendDatagram", SendDatagramBinding},
      {"duplicateInheritable", DuplicateInheritableBinding},
      {"pollReadable", PollReadable},
  };
  return DefineFunctions(env, exports, kFunctions, sizeof(kFunctions) / sizeof(*kFunctions));
}

}  // namespace deferred_sweep
