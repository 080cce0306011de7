// fork(2) without exec, which JavaScript cannot do and a native library may: the child keeps every descriptor
// of its parent, close-on-exec or not, and with them the locks.
#include <errno.h>
#include <node_api.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

// The child's whole life. Async-signal-safe: what other threads had locked at the fork stays locked in here.
static void Live(int limit_ms, bool leaves_group) {
  // Before a signal can arrive: the handlers of libuv write into a pipe that our parent reads.
  struct sigaction by_default = {.sa_handler = SIG_DFL};
  for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &by_default, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (leaves_group) setsid();
  poll(NULL, 0, limit_ms);
  _exit(0);
}

static napi_value ToNumber(napi_env env, int value) {
  napi_value number = NULL;
  napi_create_int32(env, value, &number);
  return number;
}

// fork(limitMs: number, leavesGroup: boolean): the child's pid, or the errno, negative
//
// The child ends by itself after so many milliseconds, and before by any signal.
static napi_value Fork(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  int limit_ms = 0;
  bool leaves_group = false;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_value_int32(env, arguments[0], &limit_ms);
  napi_get_value_bool(env, arguments[1], &leaves_group);

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) Live(limit_ms, leaves_group);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return ToNumber(env, pid < 0 ? -error : pid);
}

// reap(pid: number): 0 when that child has ended and its descriptors are closed, or the errno, negative.
// Waits.
static napi_value Reap(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  int pid = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &pid);
  int ended;
  do {
    ended = waitpid(pid, NULL, 0);
  } while (ended < 0 && errno == EINTR);
  return ToNumber(env, ended < 0 ? -errno : 0);
}

NAPI_MODULE_INIT() {
  napi_value function = NULL;
  napi_create_function(env, "fork", NAPI_AUTO_LENGTH, Fork, NULL, &function);
  napi_set_named_property(env, exports, "fork", function);
  napi_create_function(env, "reap", NAPI_AUTO_LENGTH, Reap, NULL, &function);
  napi_set_named_property(env, exports, "reap", function);
  return exports;
}
