// JavaScript's side of the border: arguments in, values out. The only file that includes napi.h.
#include <napi.h>

#include "file_lock.h"
#include "lease.h"
#include "watchdog.h"

namespace deferred_sweep {
namespace {

// Reads an integer from 0 to `max`; leaves a JavaScript TypeError pending and returns -1 for anything else.
// The TypeScript side has validated and explained already: this is the guard against calls that bypass it.
int ToInteger(const Napi::Value& value, int max, const char* message) {
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    // In this order: the conversion of a double that no int can hold is undefined behaviour.
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
// True: done. False: contended. Otherwise the errno, positive, and the name of the system call: JavaScript
// makes the error of it, so that it has a stack. Throws TypeError for wrong arguments, and nothing else.
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
// As above: the errno is made an error in JavaScript. Throws TypeError for wrong arguments, and nothing else.
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

// probeLease(descriptor: number): 0 free | 1 held | { errno, syscall }
Napi::Value ProbeLeaseBinding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = ToInteger(info[0], 0x7fffffff, "descriptor must be an integer from 0 to 2147483647");
  if (descriptor < 0) return env.Undefined();
  LeaseState state = LeaseState::kFree;
  const int error = ProbeLease(descriptor, &state);
  if (error != 0) return ToFailure(env, error, "fcntl");
  return Napi::Number::New(env, static_cast<int>(state));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("setFileLock", Napi::Function::New<SetFileLockBinding>(env, "setFileLock"));
  exports.Set("setWatchdog", Napi::Function::New<SetWatchdogBinding>(env, "setWatchdog"));
  exports.Set("probeLease", Napi::Function::New<ProbeLeaseBinding>(env, "probeLease"));
  return exports;
}

// Found by its symbol, not registered by a static constructor: that is what lets worker threads, and a second
// copy of the file, load it again.
NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)

}  // namespace
}  // namespace deferred_sweep
