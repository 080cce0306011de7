/* The system calls that the protocol cannot do without, and nothing else: what no program on this machine can
 * be faster than. usage: floor WHAT DIRECTORY COUNT [SIZE]; prints nanoseconds, of one call or of all, as the
 * list at the end says. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 227, MARK = 79, HEADER = 400 };

static const char *directory;
static long count;
static long size;
static char *bytes;
static char path[4096];

static void must(int is_done, const char *what) {
  if (is_done) return;
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void put(int fd, long length) { must(write(fd, bytes, length) == length, "write"); }

static int create(const char *name) {
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  must(fd >= 0, path);
  return fd;
}

/* Looks at the directory and lists it, as readdir(3) does. Keeps the names if asked. */
static char **list(long *found) {
  struct stat st;
  static char buffer[32768];
  char **names = NULL;
  must(lstat(directory, &st) == 0, "lstat");
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(fd >= 0, directory);
  for (long length; (length = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;) {
    if (found == NULL) continue;
    for (long at = 0; at < length;) {
      struct dirent64 *entry = (struct dirent64 *)(buffer + at);
      at += entry->d_reclen;
      if (entry->d_type != DT_REG) continue;
      if (*found % 1024 == 0) names = realloc(names, (*found + 1024) * sizeof *names);
      names[(*found)++] = strdup(entry->d_name);
    }
  }
  close(fd);
  return names;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void register_one(int fd) {
  struct statx st;
  must(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &st) == 0, "statx");
  put(fd, RECORD + size);
}

static void run_one(int fd) {
  put(fd, MARK);
  put(fd, MARK);
}

static void new_file(void) {
  char temporary[4096];
  struct stat st;
  list(NULL);
  int fd = create("floor.tmp");
  strcpy(temporary, path);
  must(fchmod(fd, 0600) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0, "flock");
  must(fstat(fd, &st) == 0 && lstat(temporary, &st) == 0, "stat");
  put(fd, HEADER);
  snprintf(path, sizeof path, "%s/floor", directory);
  must(rename(temporary, path) == 0, "rename");
  list(NULL);
  must(unlink(path) == 0, "unlink");
  flock(fd, LOCK_UN);
  close(fd);
}

/* The names of the files that were to be here, the oldest first. */
static char **sorted(void) {
  long found = 0;
  char **names = list(&found);
  must(found == count, "other files than were to be here");
  qsort(names, found, sizeof *names, by_name);
  return names;
}

static void scan(void) {
  struct stat st;
  char **names = sorted();
  for (long i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, names[i]);
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &st) == 0, path);
    must(flock(fd, LOCK_EX | LOCK_NB) != 0, "a file without a lock");
    close(fd);
  }
}

/* As many marks as there are functions: `size` in each file. */
static void sweep(void) {
  struct stat st;
  char **names = sorted();
  for (long i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, names[i]);
    int fd = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &st) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0, path);
    must(lstat(path, &st) == 0, "lstat");
    char *content = malloc(st.st_size);
    must(pread(fd, content, st.st_size, 0) == st.st_size, "pread");
    free(content);
    for (long n = 0; n < size; n++) run_one(fd);
    must(unlink(path) == 0, "unlink");
    flock(fd, LOCK_UN);
    close(fd);
  }
  list(NULL);
}

/* Repeats it, a tenth before the clock starts. Prints the time of one. */
static void repeat(void (*body)(int fd), int fd) {
  for (long i = 0; i < count / 10; i++) body(fd);
  double start = now();
  for (long i = 0; i < count; i++) body(fd);
  printf("%.1f\n", (now() - start) / count);
}

static void cancel_one(int fd) { put(fd, MARK); }
static void register_durably(int fd) {
  put(fd, RECORD + size);
  must(fdatasync(fd) == 0, "fdatasync");
}
static void reuse_one(int fd) {
  (void)fd;
  list(NULL);
  list(NULL);
}
static void make_one(int fd) {
  (void)fd;
  new_file();
}
/* A whole job of `size` functions in a file that is there. */
static void job_one(int fd) {
  long functions = size;
  size = 0;
  list(NULL);
  for (long i = 0; i < functions; i++) register_one(fd);
  for (long i = 0; i < functions; i++) run_one(fd);
  must(ftruncate(fd, 0) == 0, "ftruncate");
  list(NULL);
  size = functions;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const char *what = argv[1];
  directory = argv[2];
  count = atol(argv[3]);
  size = argc > 4 ? atol(argv[4]) : 0;
  long most = RECORD + HEADER + size;
  bytes = memset(malloc(most), 'x', most);
  /* Of all. */
  if (strcmp(what, "scan") == 0 || strcmp(what, "sweep") == 0) {
    double start = now();
    if (*what == 's' && what[1] == 'c')
      scan();
    else
      sweep();
    printf("%.1f\n", now() - start);
    return 0;
  }
  /* Of one. */
  static const struct {
    const char *name;
    void (*body)(int fd);
  } known[] = {{"register", register_one},
               {"register-disk", register_durably},
               {"run", run_one},
               {"cancel", cancel_one},
               {"reuse", reuse_one},
               {"new", make_one},
               {"job", job_one}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(what, known[i].name) != 0) continue;
    int needs_file = known[i].body != reuse_one && known[i].body != make_one;
    int fd = needs_file ? create("floor") : -1;
    repeat(known[i].body, fd);
    return !needs_file || unlink(path) == 0 ? 0 : 1;
  }
  fprintf(stderr, "floor: nothing is called %s\n", what);
  return 2;
}
