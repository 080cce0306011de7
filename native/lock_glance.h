// The portable contract: whether another process still has the lock of a file, in one call.
#ifndef DEFERRED_SWEEP_NATIVE_LOCK_GLANCE_H_
#define DEFERRED_SWEEP_NATIVE_LOCK_GLANCE_H_

#include "file_lock.h"

namespace deferred_sweep {

// What a caller knows of a file whose lock another process had.
struct KnownFile {
  double size;         // bytes
  double modified_ns;  // since 1970: the double that is nearest to st_mtim
};

// Opens what `path` names, itself no symbolic link, looks at it, tries its lock, and closes it. True if
// another open file description holds the lock and the file is as it is known: regular, with one link, of the
// effective user, with no rights for others, of this size and time. False if anything is different or fails;
// the caller then looks at it step by step, and meets the reason. The lock is tried only of such a file.
//
// Leaves no descriptor open and no lock held: a free lock is held for a moment. kOfd opens for writing, which
// that lock wants. There is no state.
bool IsStillLocked(const char* path, LockScheme scheme, const KnownFile& known) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_LOCK_GLANCE_H_
