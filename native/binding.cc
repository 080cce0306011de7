// JavaScript's side of locks and the watchdog. The only file that includes napi.h; process_binding.cc and
// descriptor_binding.cc, in plain C of Node-API, have the rest.
#include <napi.h>

#include "descriptor_binding.h"
#include "file_lock.h"
#include "napi_values.h"
#include "process_binding.h"
#include "watchdog.h"

namespace deferred_sweep {
namespace {

// setFileLock(descriptor: number, mode: 0 | 1 | 2, scheme: 0 | 1): true | false | { errno, syscall }
//
// True: done. False: contended. Else the positive errno and the name of the system call: JavaScript makes the
// error, so that it has a stack. Throws nothing but TypeError for wrong arguments.
Napi::Value SetFileLockBinding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = DescriptorFrom(env, info[0]);
  if (descriptor < 0) return env.Undefined();
  const int mode = IntegerFrom(env, info[1], 2, "mode must be 0 (unlock), 1 (shared) or 2 (exclusive)");
  if (mode < 0) return env.Undefined();
  const int scheme = SchemeFrom(env, info[2]);
  if (scheme < 0) return env.Undefined();

  const LockResult result =
      SetFileLock(descriptor, static_cast<LockMode>(mode), static_cast<LockScheme>(scheme));
  if (result.error == 0) return Napi::Boolean::New(env, true);
  if (IsContended(result)) return Napi::Boolean::New(env, false);
  return Napi::Value(env, FailureTo(env, result.error, result.syscall));
}

// setWatchdog(limitMs: number, graceMs: number): true | { errno, syscall }
//
// As above, JavaScript makes the error. Throws nothing but TypeError for wrong arguments.
Napi::Value SetWatchdogBinding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int limit_ms = IntegerFrom(env, info[0], kMaxInt, "limitMs must be an integer from 0 to 2147483647");
  if (limit_ms < 0) return env.Undefined();
  const int grace_ms = IntegerFrom(env, info[1], kMaxInt, "graceMs must be an integer from 0 to 2147483647");
  if (grace_ms < 0) return env.Undefined();

  const int error = SetWatchdog(limit_ms, grace_ms);
  if (error == 0) return Napi::Boolean::New(env, true);
  return Napi::Value(env, FailureTo(env, error, "timer_create"));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("setFileLock", Napi::Function::New<SetFileLockBinding>(env, "setFileLock"));
  exports.Set("setWatchdog", Napi::Function::New<SetWatchdogBinding>(env, "setWatchdog"));
  // What fails leaves an exception pending, which require() then throws.
  if (DefineProcessFunctions(env, exports) == napi_ok) DefineDescriptorFunctions(env, exports);
  return exports;
}

// Node finds this by its symbol. A static constructor would keep worker threads, and a second copy of the
// file, from loading the addon again.
NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)

}  // namespace
}  // namespace deferred_sweep
