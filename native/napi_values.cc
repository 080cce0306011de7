#include "napi_values.h"

#include <string.h>

namespace deferred_sweep {

int IntegerFrom(napi_env env, napi_value value, int max, const char* message) noexcept {
  double number = -1;
  if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 && number <= max &&
      number == static_cast<int>(number)) {
    return static_cast<int>(number);
  }
  napi_throw_type_error(env, nullptr, message);
  return -1;
}

bool TextFrom(napi_env env, napi_value value, char* text, size_t size, size_t* length,
              const char* message) noexcept {
  size_t needed = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &needed) == napi_ok && needed < size &&
      napi_get_value_string_utf8(env, value, text, size, length) == napi_ok && strlen(text) == *length) {
    return true;
  }
  napi_throw_type_error(env, nullptr, message);
  return false;
}

napi_value NumberTo(napi_env env, double number) noexcept {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value FailureTo(napi_env env, int error, const char* syscall) noexcept {
  napi_value failure = nullptr;
  napi_value name = nullptr;
  if (napi_create_object(env, &failure) != napi_ok) return nullptr;
  napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, failure, "errno", NumberTo(env, error));
  napi_set_named_property(env, failure, "syscall", name);
  return failure;
}

}  // namespace deferred_sweep
