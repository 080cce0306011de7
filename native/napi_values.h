// Numbers, strings and failures across the border, for bindings in plain C of Node-API.
#ifndef DEFERRED_SWEEP_NATIVE_NAPI_VALUES_H_
#define DEFERRED_SWEEP_NATIVE_NAPI_VALUES_H_

#include <node_api.h>
#include <stddef.h>

namespace deferred_sweep {

// Reads an integer from 0 to `max`; leaves a TypeError pending and returns -1 for anything else. TypeScript
// has validated and explained already.
int IntegerFrom(napi_env env, napi_value value, int max, const char* message) noexcept;

// Reads a string of less than `size` bytes in UTF-8 without NUL; leaves a TypeError pending and returns false
// for anything else.
bool TextFrom(napi_env env, napi_value value, char* text, size_t size, size_t* length,
              const char* message) noexcept;

napi_value NumberTo(napi_env env, double number) noexcept;

// { errno, syscall }: JavaScript makes the error of it, so that it has a stack.
napi_value FailureTo(napi_env env, int error, const char* syscall) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_NAPI_VALUES_H_
