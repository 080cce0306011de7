#include "lock_glance.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdint>

#include "file_stat.h"

namespace deferred_sweep {
namespace {

// As src/state/open-patiently.ts opens, whose reasons these are.
constexpr int kLastStandardDescriptor = 4;
constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
constexpr int kWriteFlags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

double ModifiedNs(const struct stat& found) noexcept {
#ifdef __APPLE__
  const struct timespec& time = found.st_mtimespec;
#else
  const struct timespec& time = found.st_mtim;
#endif
  int64_t nanoseconds = 0;
  // Not a number is equal to none: of a time before 1678 or after 2261 nothing is known.
  if (__builtin_mul_overflow(int64_t{time.tv_sec}, 1000000000, &nanoseconds) ||
      __builtin_add_overflow(nanoseconds, int64_t{time.tv_nsec}, &nanoseconds))
    return NAN;
  return static_cast<double>(nanoseconds);
}

// Of these the trusted ones: src/trust/trust.ts, without a trusted group.
bool IsAsKnown(int descriptor, const KnownFile& known) noexcept {
  struct stat found = {};
  return StatDescriptor(descriptor, &found) == 0 && S_ISREG(found.st_mode) && found.st_nlink == 1 &&
         found.st_uid == geteuid() && (found.st_mode & (S_IRWXG | S_IRWXO)) == 0 &&
         static_cast<double>(found.st_size) == known.size && ModifiedNs(found) == known.modified_ns;
}

bool IsLocked(int descriptor, LockScheme scheme) noexcept {
  const LockResult result = SetFileLock(descriptor, LockMode::kExclusive, scheme);
  // close(2) alone would leave it to a process that other code forks now.
  if (result.error == 0) SetFileLock(descriptor, LockMode::kUnlock, scheme);
  return IsContended(result);
}

}  // namespace

bool IsStillLocked(const char* path, LockScheme scheme, const KnownFile& known) noexcept {
  int descriptor = -1;
  do {
    descriptor = open(path, scheme == LockScheme::kOfd ? kWriteFlags : kReadFlags);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return false;
  const bool is_locked =
      descriptor > kLastStandardDescriptor && IsAsKnown(descriptor, known) && IsLocked(descriptor, scheme);
  close(descriptor);
  return is_locked;
}

}  // namespace deferred_sweep
