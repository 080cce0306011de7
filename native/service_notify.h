// The portable contract: one datagram to a UNIX socket, which Node cannot send. For sd_notify(3).
#ifndef DEFERRED_SWEEP_NATIVE_SERVICE_NOTIFY_H_
#define DEFERRED_SWEEP_NATIVE_SERVICE_NOTIFY_H_

#include <stddef.h>

namespace deferred_sweep {

// Sends `message` to the socket at `path`; a leading @ means a name in the abstract name space (Linux). Never
// waits. Returns 0 or an errno: ENAMETOOLONG, ENOENT, ECONNREFUSED, EAGAIN when the receiver's queue is full.
int SendDatagram(const char* path, const char* message, size_t length) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_SERVICE_NOTIFY_H_
