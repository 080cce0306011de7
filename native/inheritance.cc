#include "inheritance.h"

#include <errno.h>
#include <fcntl.h>

namespace deferred_sweep {

int DuplicateInheritable(int descriptor, int lowest, int* duplicate) noexcept {
  const int copy = fcntl(descriptor, F_DUPFD, lowest);
  if (copy < 0) return errno;
  *duplicate = copy;
  return 0;
}

}  // namespace deferred_sweep
