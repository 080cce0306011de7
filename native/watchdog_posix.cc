#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "watchdog.h"
#include "watchdog_timer.h"

namespace deferred_sweep {
namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kNanosecondsPerMillisecond = 1000000;
// Time that the thread has beyond its limit, before the kernel's timer ends this process alone.
constexpr int kTimerMarginMs = 500;

// `mutex` guards this and all below.
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed;
bool is_running = false;
// On the monotonic clock, in nanoseconds.
int64_t limit_at = kNever;
int64_t grace_ns = 0;
// The next time at which the thread looks by itself.
int64_t wakes_at = kNever;

int64_t Now() noexcept {
  struct timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

void WaitUntil(int64_t until) noexcept {
  if (until == kNever) {
    pthread_cond_wait(&changed, &mutex);
    return;
  }
#if defined(__APPLE__)
  const int64_t left = until - Now();
  if (left <= 0) return;
  struct timespec time = {};
  time.tv_sec = static_cast<time_t>(left / 1000000000);
  time.tv_nsec = static_cast<long>(left % 1000000000);
  pthread_cond_timedwait_relative_np(&changed, &mutex, &time);
#else
  struct timespec time = {};
  time.tv_sec = static_cast<time_t>(until / 1000000000);
  time.tv_nsec = static_cast<long>(until % 1000000000);
  pthread_cond_timedwait(&changed, &mutex, &time);
#endif
}

// The group first: programs that a function started must not outlive it.
void KillGroup() noexcept {
  kill(-getpid(), SIGKILL);
  kill(getpid(), SIGKILL);
}

void* Watch(void*) noexcept {
  pthread_mutex_lock(&mutex);
  for (;;) {
    while (Now() < limit_at) {
      wakes_at = limit_at;
      WaitUntil(wakes_at);
    }
    // In two steps, because the clock of a stopped process runs on. Once continued, its event loop gets the
    // grace to tell the function of its limit.
    const int64_t exceeded = limit_at;
    const int64_t kill_at = Now() + grace_ns;
    while (limit_at == exceeded && Now() < kill_at) {
      wakes_at = kill_at;
      WaitUntil(wakes_at);
    }
    if (limit_at == exceeded) KillGroup();
  }
  return nullptr;
}

// All signals are blocked in the thread, so that handlers run in the threads where they ran before.
int StartThread() noexcept {
#if !defined(__APPLE__)
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attributes);
  pthread_condattr_destroy(&attributes);
#else
  pthread_cond_init(&changed, nullptr);
#endif
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, Watch, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) pthread_detach(thread);
  return error;
}

}  // namespace

int SetWatchdog(int limit_ms, int grace_ms) noexcept {
  pthread_mutex_lock(&mutex);
  int error = 0;
  if (!is_running && limit_ms > 0) {
    error = StartThread();
    is_running = error == 0;
  }
  if (error == 0 && is_running) {
    limit_at = limit_ms == 0 ? kNever : Now() + limit_ms * kNanosecondsPerMillisecond;
    grace_ns = grace_ms * kNanosecondsPerMillisecond;
    // Wake the thread only if it would look after the new limit.
    if (limit_at < wakes_at) pthread_cond_signal(&changed);
  }
  pthread_mutex_unlock(&mutex);
  if (error != 0) return error;
  const int64_t timer_ms = static_cast<int64_t>(limit_ms) + grace_ms + kTimerMarginMs;
  return SetKillTimer(limit_ms == 0 ? 0 : timer_ms);
}

}  // namespace deferred_sweep
