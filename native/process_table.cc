#include "process_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

namespace deferred_sweep {

#ifdef __APPLE__

int ListProcesses(ProcessEntry** entries, size_t* count) noexcept {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_ALL};
  // The table may grow between the two calls: room for more, and some tries.
  for (int tries = 0; tries < 8; tries++) {
    size_t bytes = 0;
    if (sysctl(name, 3, nullptr, &bytes, nullptr, 0) != 0) return errno;
    bytes += bytes / 4 + 16 * sizeof(kinfo_proc);
    auto* table = static_cast<kinfo_proc*>(malloc(bytes));
    if (table == nullptr) return ENOMEM;
    if (sysctl(name, 3, table, &bytes, nullptr, 0) != 0) {
      const int error = errno;
      free(table);
      if (error == ENOMEM) continue;
      return error;
    }
    const size_t length = bytes / sizeof(kinfo_proc);
    auto* found = static_cast<ProcessEntry*>(malloc((length + 1) * sizeof(ProcessEntry)));
    if (found == nullptr) {
      free(table);
      return ENOMEM;
    }
    size_t living = 0;
    for (size_t index = 0; index < length; index++) {
      const kinfo_proc& process = table[index];
      if (process.kp_proc.p_stat == SZOMB) continue;
      const timeval& start = process.kp_proc.p_starttime;
      found[living++] = {process.kp_proc.p_pid, process.kp_eproc.e_ppid,
                         static_cast<double>(start.tv_sec) * 1e6 + static_cast<double>(start.tv_usec)};
    }
    free(table);
    *entries = found;
    *count = living;
    return 0;
  }
  return ENOMEM;
}

int ReadProcessEnvironment(int pid, char** bytes, size_t* length) noexcept {
  int limit_name[] = {CTL_KERN, KERN_ARGMAX};
  int limit = 0;
  size_t limit_size = sizeof(limit);
  if (sysctl(limit_name, 2, &limit, &limit_size, nullptr, 0) != 0) return errno;
  auto* block = static_cast<char*>(malloc(static_cast<size_t>(limit)));
  if (block == nullptr) return ENOMEM;
  int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
  size_t size = static_cast<size_t>(limit);
  if (sysctl(name, 3, block, &size, nullptr, 0) != 0) {
    const int error = errno;
    free(block);
    return error;
  }
  // The number of arguments, the program's path, NULs up to a word, the arguments, the environment.
  int arguments = 0;
  size_t position = sizeof(arguments);
  if (size < position) {
    free(block);
    return EINVAL;
  }
  memcpy(&arguments, block, sizeof(arguments));
  while (position < size && block[position] != '\0') position++;
  while (position < size && block[position] == '\0') position++;
  for (; arguments > 0 && position < size; arguments--) {
    while (position < size && block[position] != '\0') position++;
    if (position < size) position++;
  }
  *length = size - position;
  memmove(block, block + position, *length);
  *bytes = block;
  return 0;
}

#else

int ListProcesses(ProcessEntry**, size_t*) noexcept { return ENOSYS; }

int ReadProcessEnvironment(int, char**, size_t*) noexcept { return ENOSYS; }

#endif

}  // namespace deferred_sweep
