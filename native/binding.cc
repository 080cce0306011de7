// JavaScript's side of the border: arguments in, values out. The only file that includes napi.h;
// system_binding.cc, in plain C of Node-API, has what is not about locks.
#include <napi.h>

#include "file_lock.h"
#include "system_binding.h"
#include "watchdog.h"

namespace deferred_sweep {
namespace {

// Reads an integer from 0 to `max`; leaves a JavaScript TypeError pending and returns -1 for anything else.
// TypeScript has validated and explained already. This guards against calls that bypass it.
int ToInteger(const Napi::Value& value, int max, const char* message) {
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    // In this order: converting a double that no int can hold is undefined behaviour.
    if (number >= 0 && number <= max && number == static_cast<int>(number)) return static_cast<int>(number);
  }
  Napi::TypeError::New(value.Env(), message).ThrowAsJavaScriptException();
  return -1;
}

Napi::Object ToFailure(Napi::Env env, int error, const char* syscall) {
  Napi::Object failure = Napi::Object::New(env);
  failure.Set("errno", Napi::Number::New(env, error));
  failure.Set("syscall", Napi::String::New(env, syscall));
  return failure;
}

// setFileLock(descriptor: number, mode: 0 | 1 | 2, scheme: 0 | 1): true | false | { errno, syscall }
//
// True: done. False: contended. Else the positive errno and the name of the system call: JavaScript makes the
// error, so that it has a stack. Throws nothing but TypeError for wrong arguments.
Napi::Value SetFileLockBinding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = ToInteger(info[0], 0x7fffffff, "descriptor must be an integer from 0 to 2147483647");
  if (descriptor < 0) return env.Undefined();
  const int mode = ToInteger(info[1], 2, "mode must be 0 (unlock), 1 (shared) or 2 (exclusive)");
  if (mode < 0) return env.Undefined();
  const int scheme = ToInteger(info[2], 1, "scheme must be 0 (flock) or 1 (OFD)");
  if (scheme < 0) return env.Undefined();

  const LockResult result =
      SetFileLock(descriptor, static_cast<LockMode>(mode), static_cast<LockScheme>(scheme));
  if (result.error == 0) return Napi::Boolean::New(env, true);
  if (IsContended(result)) return Napi::Boolean::New(env, false);
  return ToFailure(env, result.error, result.syscall);
}

// setWatchdog(limitMs: number, graceMs: number): true | { errno, syscall }
//
// As above, JavaScript makes the error. Throws nothing but TypeError for wrong arguments.
Napi::Value SetWatchdogBinding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int limit_ms = ToInteger(info[0], 0x7fffffff, "limitMs must be an integer from 0 to 2147483647");
  if (limit_ms < 0) return env.Undefined();
  const int grace_ms = ToInteger(info[1], 0x7fffffff, "graceMs must be an integer from 0 to 2147483647");
  if (grace_ms < 0) return env.Undefined();

  const int error = SetWatchdog(limit_ms, grace_ms);
  if (error == 0) return Napi::Boolean::New(env, true);
  return ToFailure(env, error, "timer_create");
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("setFileLock", Napi::Function::New<SetFileLockBinding>(env, "setFileLock"));
  exports.Set("setWatchdog", Napi::Function::New<SetWatchdogBinding>(env, "setWatchdog"));
  // What fails leaves an exception pending, which require() then throws.
  DefineSystemFunctions(env, exports);
  return exports;
}

// Node finds this by its symbol. A static constructor would keep worker threads, and a second copy of the
// file, from loading the addon again.
NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)

}  // namespace
}  // namespace deferred_sweep
