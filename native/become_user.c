/*
 * Becomes an ordinary user for good, and runs a program as that user: become_user UID FLAGS PROGRAM
 * [ARGUMENT...]
 *
 * Run by root's sweep for all users, src/all-users/. Nothing of root's is left when the program begins: no
 * terminal, no descriptor but 1 and 2, no signal state, no group, no capability, no key, no environment. Each
 * step is checked, and a step that fails ends the process before any of the user's code runs.
 *
 * FLAGS: `-`, or `p`: programs that the user starts may gain privileges (sudo, fusermount).
 * Exit status: 120 no such user, 121 a step failed (said on standard error); else that of the program.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __linux__
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif
/* The same on all architectures. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define JOIN_SESSION_KEYRING 1
/* Of linux/capability.h, which a compiler for musl need not have (Alpine: linux-headers). */
#define CAPABILITY_VERSION_3 0x20080522u
struct capability_header {
  uint32_t version;
  int32_t pid;
};
struct capability_data {
  uint32_t effective, permitted, inheritable;
};
#define DESCRIPTORS "/proc/self/fd"
#else
#define DESCRIPTORS "/dev/fd"
#endif

enum { kNoSuchUser = 120, kStepFailed = 121 };

static const rlim_t kMaxFiles = 65536;
static const rlim_t kMaxDataBytes = (rlim_t)8 << 30;

static void fail(const char *step) {
  fprintf(stderr, "become_user: cannot %s: %s\n", step, strerror(errno));
  _exit(kStepFailed);
}

/* Lowers a limit, soft and hard. What was lower already stays. */
static void limit(int resource, rlim_t most, const char *step) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) fail(step);
  if (now.rlim_max == RLIM_INFINITY || now.rlim_max > most) now.rlim_max = most;
  if (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > now.rlim_max) now.rlim_cur = now.rlim_max;
  if (setrlimit(resource, &now) != 0) fail(step);
}

static void close_others(void) {
#ifdef __linux__
  if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0) return;
#endif
  DIR *directory = opendir(DESCRIPTORS);
  if (directory == NULL) fail("list descriptors");
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    int fd = atoi(entry->d_name);
    if (fd > 2 && fd != dirfd(directory)) close(fd);
  }
  closedir(directory);
}

static void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) fail("unblock signals");
}

#ifdef __linux__
static void drop_bounding_set(void) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
    fail("clear ambient capabilities");
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) fail("drop a capability from the bounding set");
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) fail("let go of capabilities");
}

static void drop_capabilities(void) {
  struct capability_header header = {CAPABILITY_VERSION_3, 0};
  struct capability_data none[2], now[2];
  memset(none, 0, sizeof none);
  /* Inheritable ones outlive a change of user. */
  if (syscall(SYS_capset, &header, none) != 0) fail("drop capabilities");
  if (syscall(SYS_capget, &header, now) != 0) fail("read capabilities");
  if (memcmp(now, none, sizeof none) != 0) {
    errno = EPERM;
    fail("drop all capabilities");
  }
}

/* As the user, whose keyring it is to be. A system call that is not there, or filtered, is so for the user,
 * too. */
static void leave_keyring(void) {
  if (syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS && errno != EPERM)
    fail("join a new session keyring");
}
#endif

static void become(const struct passwd *user) {
  uid_t uid = user->pw_uid;
  gid_t gid = user->pw_gid;
  if (initgroups(user->pw_name, gid) != 0) fail("set the user's groups");
#ifdef __linux__
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  if (setresgid(gid, gid, gid) != 0) fail("set the group");
  if (setresuid(uid, uid, uid) != 0) fail("set the user");
  if (getresuid(&real, &effective, &saved) != 0 ||
      getresgid(&real_group, &effective_group, &saved_group) != 0)
    fail("read the user");
  int is_user = real == uid && effective == uid && saved == uid && real_group == gid &&
                effective_group == gid && saved_group == gid;
#else
  if (setgid(gid) != 0) fail("set the group");
  if (setuid(uid) != 0) fail("set the user");
  int is_user = getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid;
#endif
  if (!is_user || setuid(0) == 0) {
    errno = EPERM;
    fail("become the user for good");
  }
}

/* "NAME=value", from memory that is never freed: exec follows. */
static char *variable(const char *name, const char *value) {
  size_t length = strlen(name) + strlen(value) + 2;
  char *text = malloc(length);
  if (text == NULL) fail("make the environment");
  snprintf(text, length, "%s=%s", name, value);
  return text;
}

int main(int argc, char **argv) {
  if (argc < 4 || argv[3][0] != '/') {
    fprintf(stderr, "usage: become_user UID FLAGS PROGRAM [ARGUMENT...], with an absolute PROGRAM\n");
    return kStepFailed;
  }
  char *end;
  errno = 0;
  unsigned long number = strtoul(argv[1], &end, 10);
  if (errno != 0 || *end != '\0' || argv[1][0] < '1' || argv[1][0] > '9' || number >= 0xffffffffUL) {
    errno = EINVAL;
    fail("take this for a user's number");
  }

  close_others();
  if (setsid() < 0 && getsid(0) != getpid()) fail("begin a session");
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0) fail("open /dev/null");
  if (nothing > 0) close(nothing);
  reset_signals();
  umask(077);
  limit(RLIMIT_CORE, 0, "limit core files");
  limit(RLIMIT_NOFILE, kMaxFiles, "limit open files");
  limit(RLIMIT_DATA, kMaxDataBytes, "limit memory");

  struct passwd *user = getpwuid((uid_t)number);
  if (user == NULL || user->pw_uid != (uid_t)number) return kNoSuchUser;
  char *environment[] = {
      variable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
      variable("HOME", user->pw_dir),
      variable("USER", user->pw_name),
      variable("LOGNAME", user->pw_name),
      variable("SHELL", "/bin/sh"),
      variable("LANG", "C.UTF-8"),
      NULL,
  };

#ifdef __linux__
  drop_bounding_set();
#endif
  become(user);
#ifdef __linux__
  drop_capabilities();
  leave_keyring();
  if (strchr(argv[2], 'p') == NULL && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("set no_new_privs");
#endif
  if (chdir("/") != 0) fail("go to /");
  /* The lookup may have left some: a cache's, a directory service's. */
  close_others();
  execve(argv[3], argv + 3, environment);
  fail("run the program");
}
