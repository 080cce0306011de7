#include "readable_poll.h"

#include <stdlib.h>

#include "napi_values.h"
#include "uv_poll.h"

namespace deferred_sweep {
namespace {

// Freed when libuv has closed the handle and JavaScript has forgotten the function that stops it, whichever
// is later.
struct Poll {
  uv_handle_s* handle;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  bool is_stopped;
  bool is_closed;
  bool is_forgotten;
};

void FreeIfUnused(Poll* poll) {
  if (!poll->is_closed || !poll->is_forgotten) return;
  free(poll->handle);
  free(poll);
}

void OnClosed(uv_handle_s* handle) {
  auto* poll = static_cast<Poll*>(uv_handle_get_data(handle));
  // Until here the environment waits for this handle.
  if (poll->hook != nullptr) napi_remove_async_cleanup_hook(poll->hook);
  poll->is_closed = true;
  FreeIfUnused(poll);
}

void Stop(Poll* poll) {
  if (poll->is_stopped) return;
  poll->is_stopped = true;
  if (poll->callback != nullptr) napi_delete_reference(poll->env, poll->callback);
  if (poll->context != nullptr) napi_async_destroy(poll->env, poll->context);
  // Takes the descriptor out of the event loop at once.
  uv_close(poll->handle, OnClosed);
}

void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) { Stop(static_cast<Poll*>(data)); }

void OnReadable(uv_handle_s* handle, int, int) {
  // Errors, too, are the reader's to find.
  auto* poll = static_cast<Poll*>(uv_handle_get_data(handle));
  const napi_env env = poll->env;
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback = nullptr;
  napi_value global = nullptr;
  if (napi_get_reference_value(env, poll->callback, &callback) == napi_ok && callback != nullptr &&
      napi_get_global(env, &global) == napi_ok &&
      napi_make_callback(env, poll->context, global, callback, 0, nullptr, nullptr) ==
          napi_pending_exception) {
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

napi_value StopBinding(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  Stop(static_cast<Poll*>(data));
  return nullptr;
}

void OnForgotten(napi_env, void* data, void*) {
  auto* poll = static_cast<Poll*>(data);
  poll->is_forgotten = true;
  FreeIfUnused(poll);
}

}  // namespace

napi_value PollReadable(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const int descriptor = DescriptorFrom(env, arguments.at[0]);
  if (descriptor < 0) return nullptr;
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, arguments.at[1], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, nullptr, "onReadable must be a function");
    return nullptr;
  }
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;

  auto* poll = static_cast<Poll*>(calloc(1, sizeof(Poll)));
  if (poll != nullptr) poll->handle = static_cast<uv_handle_s*>(calloc(1, uv_handle_size(kUvPoll)));
  if (poll == nullptr || poll->handle == nullptr) {
    free(poll);
    return FailureTo(env, 12 /* ENOMEM */, "malloc");
  }
  poll->env = env;
  const int error = uv_poll_init(loop, poll->handle, descriptor);
  if (error != 0) {
    free(poll->handle);
    free(poll);
    return FailureTo(env, -error, "epoll_ctl");
  }
  uv_handle_set_data(poll->handle, poll);
  napi_value stop = nullptr;
  napi_value name = nullptr;
  napi_create_string_utf8(env, "deferred-sweep.poll", NAPI_AUTO_LENGTH, &name);
  const bool is_ready =
      napi_create_reference(env, arguments.at[1], 1, &poll->callback) == napi_ok &&
      napi_async_init(env, nullptr, name, &poll->context) == napi_ok &&
      napi_add_async_cleanup_hook(env, OnEnvironmentEnd, poll, &poll->hook) == napi_ok &&
      napi_create_function(env, "stop", NAPI_AUTO_LENGTH, StopBinding, poll, &stop) == napi_ok &&
      napi_add_finalizer(env, stop, poll, OnForgotten, nullptr, nullptr) == napi_ok &&
      uv_poll_start(poll->handle, kUvReadable, OnReadable) == 0;
  if (is_ready) return stop;
  if (stop == nullptr) poll->is_forgotten = true;
  Stop(poll);
  return FailureTo(env, 12 /* ENOMEM */, "epoll_ctl");
}

}  // namespace deferred_sweep
