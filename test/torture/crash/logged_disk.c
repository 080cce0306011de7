/*
 * logged_disk IMAGE LOG MOUNTPOINT: a directory with one file, `disk`, to put a loop device on. Every write to it goes
 * into IMAGE and, with its bytes, to the end of LOG; every fsync, which is what the loop device makes of a flush of the
 * disk's cache, goes to the end of LOG as well. One thread, so that the order in LOG is the order in which they were
 * answered. An entry: 64-bit offset, 32-bit length (2^32-1 is a flush), in the byte order of the machine, then the bytes.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int image, journal;

struct entry {
  uint64_t offset;
  uint32_t length;
} __attribute__((packed));

static int note(uint64_t offset, uint32_t length, const char *bytes) {
  struct entry entry = {offset, length};
  struct iovec parts[] = {{&entry, sizeof entry}, {(void *)bytes, bytes ? length : 0}};
  ssize_t expected = (ssize_t)(sizeof entry + (bytes ? length : 0));
  return writev(journal, parts, 2) == expected ? 0 : -EIO;
}

static int d_getattr(const char *path, struct stat *st, struct fuse_file_info *fi) {
  (void)fi;
  if (fstat(image, st) < 0) return -errno;
  if (strcmp(path, "/disk") == 0) return 0;
  if (strcmp(path, "/") != 0) return -ENOENT;
  st->st_mode = S_IFDIR | 0700;
  st->st_nlink = 2;
  return 0;
}
static int d_open(const char *path, struct fuse_file_info *fi) {
  (void)fi;
  return strcmp(path, "/disk") == 0 ? 0 : -ENOENT;
}
static int d_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *fi) {
  (void)path, (void)fi;
  ssize_t count = pread(image, buffer, size, offset);
  return count < 0 ? -errno : (int)count;
}
static int d_write(const char *path, const char *bytes, size_t size, off_t offset, struct fuse_file_info *fi) {
  (void)path, (void)fi;
  ssize_t count = pwrite(image, bytes, size, offset);
  if (count < 0) return -errno;
  int failed = note((uint64_t)offset, (uint32_t)count, bytes);
  return failed ? failed : (int)count;
}
static int d_fsync(const char *path, int data_only, struct fuse_file_info *fi) {
  (void)path, (void)data_only, (void)fi;
  return note(0, UINT32_MAX, NULL);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  journal = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (image < 0 || journal < 0) return 2;
  struct fuse_operations operations = {
      .getattr = d_getattr, .open = d_open, .read = d_read, .write = d_write, .fsync = d_fsync,
  };
  char *arguments[] = {argv[0], "-s", argv[3], NULL};
  return fuse_main(3, arguments, &operations, NULL);
}
