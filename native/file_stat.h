// fstat(2) and lstat(2), by number where the C library's may not be there.
#ifndef DEFERRED_SWEEP_NATIVE_FILE_STAT_H_
#define DEFERRED_SWEEP_NATIVE_FILE_STAT_H_

#include <sys/stat.h>

namespace deferred_sweep {

// As fstat(2). Sets errno.
int StatDescriptor(int descriptor, struct stat* found) noexcept;

// As lstat(2). Sets errno.
int StatLink(const char* path, struct stat* found) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_FILE_STAT_H_
