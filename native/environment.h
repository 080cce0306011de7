// The portable contract: this process's environment as bytes, to tell whether anything in it was changed.
#ifndef DEFERRED_SWEEP_NATIVE_ENVIRONMENT_H_
#define DEFERRED_SWEEP_NATIVE_ENVIRONMENT_H_

#include <stddef.h>

namespace deferred_sweep {

// Copies the entries, each with its NUL, in the order in which they lie there, and returns how many bytes
// they have. If those are more than `size`, it copies only entries that fit.
//
// As getenv(3): no other thread may change the environment meanwhile.
size_t CopyEnvironment(char* into, size_t size) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_ENVIRONMENT_H_
