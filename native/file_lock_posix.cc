#include <fcntl.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>

#include "file_lock.h"

namespace deferred_sweep {
namespace {

// binding.gyp removes _FILE_OFFSET_BITS=64, but an OFD lock must reach past 2 GiB.
static_assert(sizeof(off_t) == 8, "whole-file locks need a 64-bit off_t");

LockResult SetFlockLock(int descriptor, LockMode mode) noexcept {
  int operation = LOCK_UN;
  if (mode == LockMode::kShared) operation = LOCK_SH;
  if (mode == LockMode::kExclusive) operation = LOCK_EX;
  for (;;) {
    if (flock(descriptor, operation | LOCK_NB) == 0) return {0, "flock"};
    const int error = errno;
    if (error != EINTR) return {error, "flock"};
  }
}

LockResult SetOfdLock(int descriptor, LockMode mode) noexcept {
#ifdef F_OFD_SETLK
  struct flock range = {};  // l_pid must be 0, or the kernel answers EINVAL
  range.l_type = F_UNLCK;
  if (mode == LockMode::kShared) range.l_type = F_RDLCK;
  if (mode == LockMode::kExclusive) range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = 0;
  range.l_len = 0;  // to the end of the file, also when the file grows
  for (;;) {
    if (fcntl(descriptor, F_OFD_SETLK, &range) == 0) return {0, "fcntl"};
    const int error = errno;
    if (error != EINTR) return {error, "fcntl"};
  }
#else
  // Older macOS SDKs do not define F_OFD_SETLK. Answer like a kernel without it.
  (void)descriptor;
  (void)mode;
  return {EINVAL, "fcntl"};
#endif
}

}  // namespace

LockResult SetFileLock(int descriptor, LockMode mode, LockScheme scheme) noexcept {
  return scheme == LockScheme::kOfd ? SetOfdLock(descriptor, mode) : SetFlockLock(descriptor, mode);
}

bool IsContended(const LockResult& result) noexcept {
  return result.error == EWOULDBLOCK || result.error == EAGAIN || result.error == EACCES;
}

}  // namespace deferred_sweep
