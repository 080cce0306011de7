// Preloaded into Node: one wake-up of its thread pool is lost, as by glibc before 2.41 (bug 25847). LOST_WAKE_UP says
// which, from 1. It is told on standard error.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int (*real)(pthread_cond_t*);
static int lost;
static int asked;

__attribute__((constructor)) static void find(void) {
  real = dlvsym(RTLD_NEXT, "pthread_cond_signal", "GLIBC_2.3.2");
  if (!real) real = dlsym(RTLD_NEXT, "pthread_cond_signal");
  const char* text = getenv("LOST_WAKE_UP");
  if (text) lost = atoi(text);
}

int pthread_cond_signal(pthread_cond_t* condition) {
  Dl_info holder;
  // The pool's is a variable of the program. Those of V8's threads are on the heap, which no file holds.
  if (dladdr(condition, &holder) && __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST) == lost) {
    static const char told[] = "a wake-up was lost\n";
    return write(2, told, sizeof(told) - 1) > 0 ? 0 : 0;
  }
  return real(condition);
}
