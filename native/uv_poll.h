// The few functions of libuv that readable_poll.cc calls, declared here because the headers of Node-API, with
// which the package is compiled, do not have them. libuv keeps their binary interface for all of version 1
// (docs.libuv.org, "Design overview", and its `uv_handle_size` for programs that do not know its structures).
#ifndef DEFERRED_SWEEP_NATIVE_UV_POLL_H_
#define DEFERRED_SWEEP_NATIVE_UV_POLL_H_

#include <cstddef>

extern "C" {

struct uv_loop_s;
struct uv_handle_s;

// UV_POLL of uv_handle_type.
constexpr int kUvPoll = 8;
// UV_READABLE of uv_poll_event.
constexpr int kUvReadable = 1;

std::size_t uv_handle_size(int type);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
void uv_close(uv_handle_s* handle, void (*on_closed)(uv_handle_s* handle));
int uv_poll_init(uv_loop_s* loop, uv_handle_s* poll, int descriptor);
int uv_poll_start(uv_handle_s* poll, int events, void (*on_event)(uv_handle_s* poll, int status, int events));

}  // extern "C"

#endif  // DEFERRED_SWEEP_NATIVE_UV_POLL_H_
