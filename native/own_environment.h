// The portable contract: the environment of this process as the C library has it, byte for byte. Node's
// `process.env` reads and writes the same, but asks for each name and makes a text of each value.
#ifndef DEFERRED_SWEEP_NATIVE_OWN_ENVIRONMENT_H_
#define DEFERRED_SWEEP_NATIVE_OWN_ENVIRONMENT_H_

#include <stddef.h>

namespace deferred_sweep {

// Writes the environment to `bytes`: its strings in their order, each ended by a NUL, as far as they all have
// room in `size`. Returns how many bytes they take.
//
// As with getenv(3), no other thread may change the environment meanwhile.
size_t CopyEnvironment(char* bytes, size_t size) noexcept;

// True if CopyEnvironment would write exactly these bytes. Another order of the same strings is false.
bool IsEnvironment(const char* bytes, size_t length) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_OWN_ENVIRONMENT_H_
