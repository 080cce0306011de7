/* Preloaded into a server: its clock, as PostgreSQL reads it, is an hour behind. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = (int)syscall(SYS_gettimeofday, now, zone);
  now->tv_sec -= 3600;
  return result;
}
