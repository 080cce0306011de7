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

Arguments::Arguments(napi_env env, napi_callback_info info) noexcept : at{} {
  size_t count = sizeof(at) / sizeof(*at);
  napi_get_cb_info(env, info, &count, at, nullptr, nullptr);
}

int DescriptorFrom(napi_env env, napi_value value) noexcept {
  return IntegerFrom(env, value, kMaxInt, "descriptor must be an integer from 0 to 2147483647");
}

int PidFrom(napi_env env, napi_value value) noexcept {
  constexpr char kMessage[] = "pid must be an integer from 1 to 2147483647";
  const int pid = IntegerFrom(env, value, kMaxInt, kMessage);
  if (pid != 0) return pid;
  napi_throw_type_error(env, nullptr, kMessage);
  return -1;
}

int SignalFrom(napi_env env, napi_value value) noexcept {
  return IntegerFrom(env, value, 64, "signal must be an integer from 0 to 64");
}

int SchemeFrom(napi_env env, napi_value value) noexcept {
  return IntegerFrom(env, value, 1, "scheme must be 0 (flock) or 1 (OFD)");
}

bool PathFrom(napi_env env, napi_value value, char (&path)[kMaxText]) noexcept {
  size_t length = 0;
  return TextFrom(env, value, path, sizeof(path), &length, "path must be a string of at most 4095 bytes");
}

napi_value NumberOrFailure(napi_env env, int error, double number, const char* syscall) noexcept {
  return error == 0 ? NumberTo(env, number) : FailureTo(env, error, syscall);
}

napi_value TrueOrFailure(napi_env env, int error, const char* syscall) noexcept {
  if (error != 0) return FailureTo(env, error, syscall);
  napi_value value = nullptr;
  napi_get_boolean(env, true, &value);
  return value;
}

napi_status DefineFunctions(napi_env env, napi_value exports, const NamedFunction* functions,
                            size_t count) noexcept {
  napi_status status = napi_ok;
  for (size_t index = 0; index < count && status == napi_ok; index++) {
    const auto& [name, callback] = functions[index];
    napi_value value = nullptr;
    status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &value);
    if (status == napi_ok) status = napi_set_named_property(env, exports, name, value);
  }
  return status;
}

}  // namespace deferred_sweep
