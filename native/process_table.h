// The portable contract: the processes of this machine and their environments, for systems without /proc. On
// Linux JavaScript reads /proc, and these return ENOSYS.
#ifndef DEFERRED_SWEEP_NATIVE_PROCESS_TABLE_H_
#define DEFERRED_SWEEP_NATIVE_PROCESS_TABLE_H_

#include <stddef.h>

namespace deferred_sweep {

struct ProcessEntry {
  int pid;
  int parent;
  // Microseconds since the epoch: a pid and its start name one process of this boot.
  double start;
};

// Fills `entries` with all living processes the system tells of, zombies left out. The caller frees it with
// free(3). Returns 0 or an errno.
int ListProcesses(ProcessEntry** entries, size_t* count) noexcept;

// Fills `bytes` with the environment the process was started with: strings, each ended by a NUL. The caller
// frees it with free(3). Returns 0 or an errno: ESRCH, EPERM or EINVAL for what one may not read.
int ReadProcessEnvironment(int pid, char** bytes, size_t* length) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_PROCESS_TABLE_H_
