// Arguments, values and failures across the border, for all bindings.
#ifndef DEFERRED_SWEEP_NATIVE_NAPI_VALUES_H_
#define DEFERRED_SWEEP_NATIVE_NAPI_VALUES_H_

#include <node_api.h>
#include <stddef.h>

namespace deferred_sweep {

constexpr int kMaxInt = 0x7fffffff;
// Of a text with its NUL.
constexpr size_t kMaxText = 4096;

// The arguments of a call; those that are missing are undefined.
struct Arguments {
  napi_value at[4];

  Arguments(napi_env env, napi_callback_info info) noexcept;
};

// Reads an integer from 0 to `max`; leaves a TypeError pending and returns -1 for anything else. TypeScript
// has validated and explained already.
int IntegerFrom(napi_env env, napi_value value, int max, const char* message) noexcept;

// Reads a string of less than `size` bytes in UTF-8 without NUL; leaves a TypeError pending and returns false
// for anything else.
bool TextFrom(napi_env env, napi_value value, char* text, size_t size, size_t* length,
              const char* message) noexcept;

// As IntegerFrom. A pid is never 0, which kill(2) and its like take for many processes.
int DescriptorFrom(napi_env env, napi_value value) noexcept;
int PidFrom(napi_env env, napi_value value) noexcept;
int SignalFrom(napi_env env, napi_value value) noexcept;
int SchemeFrom(napi_env env, napi_value value) noexcept;

// As TextFrom.
bool PathFrom(napi_env env, napi_value value, char (&path)[kMaxText]) noexcept;

napi_value NumberTo(napi_env env, double number) noexcept;

// { errno, syscall }: JavaScript makes the error of it, so that it has a stack.
napi_value FailureTo(napi_env env, int error, const char* syscall) noexcept;

// The value, or the failure if `error` is not 0.
napi_value NumberOrFailure(napi_env env, int error, double number, const char* syscall) noexcept;
napi_value TrueOrFailure(napi_env env, int error, const char* syscall) noexcept;

struct NamedFunction {
  const char* name;
  napi_callback callback;
};

// Adds functions to the addon's exports, up to the first that fails.
napi_status DefineFunctions(napi_env env, napi_value exports, const NamedFunction* functions,
                            size_t count) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_NAPI_VALUES_H_
