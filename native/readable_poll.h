// JavaScript called when a descriptor is readable, by the event loop's own epoll or kqueue: for descriptors
// that are neither sockets, pipes nor terminals, and so have no stream in Node, without a thread of libuv's
// pool.
#ifndef DEFERRED_SWEEP_NATIVE_READABLE_POLL_H_
#define DEFERRED_SWEEP_NATIVE_READABLE_POLL_H_

#include <node_api.h>

namespace deferred_sweep {

// pollReadable(descriptor: number, onReadable: () => void): (() => void) | { errno, syscall }
//
// Calls `onReadable` whenever the descriptor is readable, until the function it returns is called; that may
// be called again without effect. The descriptor stays the caller's, who closes it after that. Keeps the
// event loop alive. Works in workers; the end of the environment stops it.
napi_value PollReadable(napi_env env, napi_callback_info info);

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_READABLE_POLL_H_
