// The portable contract: bytes at the end of a file that others must be able to find by its name.
#ifndef DEFERRED_SWEEP_NATIVE_NAMED_APPEND_H_
#define DEFERRED_SWEEP_NATIVE_NAMED_APPEND_H_

#include <stddef.h>

namespace deferred_sweep {

struct AppendResult {
  int error;            // 0, or the errno of the system call
  const char* syscall;  // static storage
  size_t written;       // may be less than asked without an error: write(2)
  bool is_named;
};

// Writes to a descriptor that is open for appending, by one write(2); EINTR is tried again. After that it
// asks whether `path` still names the file of the descriptor, and itself no symbolic link: a name that is
// gone before this returns is noticed, also one that went while the bytes were written. Asked only if all
// bytes are written. An error of that question is an error, but the bytes are in the file all the same.
//
// `descriptor` stays the caller's. There is no state.
AppendResult AppendNamed(int descriptor, const char* path, const void* bytes, size_t length) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_NAMED_APPEND_H_
