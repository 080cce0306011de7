/*
 * mirror_fs locks|no-locks SOURCE MOUNTPOINT: shows the directory SOURCE through FUSE. With "no-locks" it answers every
 * lock with "granted" and does nothing, as some file systems do; with "locks" the kernel keeps them, as for most of FUSE.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int source;

/* Paths of FUSE begin with a slash; relative to SOURCE they must not. */
static const char *below(const char *path) { return path[1] ? path + 1 : "."; }
static int answer(long result) { return result < 0 ? -errno : (int)result; }

static int m_getattr(const char *path, struct stat *st, struct fuse_file_info *fi) {
  return answer(fi ? fstat((int)fi->fh, st) : fstatat(source, below(path), st, AT_SYMLINK_NOFOLLOW));
}
static int m_open(const char *path, struct fuse_file_info *fi) {
  int fd = openat(source, below(path), fi->flags);
  if (fd < 0) return -errno;
  fi->fh = (uint64_t)fd;
  return 0;
}
static int m_create(const char *path, mode_t mode, struct fuse_file_info *fi) {
  int fd = openat(source, below(path), fi->flags | O_CREAT, mode);
  if (fd < 0) return -errno;
  fi->fh = (uint64_t)fd;
  return 0;
}
static int m_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *fi) {
  (void)path;
  return answer(pread((int)fi->fh, buffer, size, offset));
}
static int m_write(const char *path, const char *bytes, size_t size, off_t offset, struct fuse_file_info *fi) {
  (void)path;
  return answer(pwrite((int)fi->fh, bytes, size, offset));
}
static int m_release(const char *path, struct fuse_file_info *fi) {
  (void)path;
  return answer(close((int)fi->fh));
}
static int m_fsync(const char *path, int data_only, struct fuse_file_info *fi) {
  (void)path;
  return answer(data_only ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}
static int m_truncate(const char *path, off_t size, struct fuse_file_info *fi) {
  (void)path;
  return fi ? answer(ftruncate((int)fi->fh, size)) : -EOPNOTSUPP;
}
static int m_unlink(const char *path) { return answer(unlinkat(source, below(path), 0)); }
static int m_mkdir(const char *path, mode_t mode) { return answer(mkdirat(source, below(path), mode)); }
static int m_rmdir(const char *path) { return answer(unlinkat(source, below(path), AT_REMOVEDIR)); }
static int m_rename(const char *from, const char *to, unsigned flags) {
  return answer(renameat2(source, below(from), source, below(to), flags));
}
static int m_chmod(const char *path, mode_t mode, struct fuse_file_info *fi) {
  return answer(fi ? fchmod((int)fi->fh, mode) : fchmodat(source, below(path), mode, 0));
}
static int m_readdir(const char *path, void *list, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *fi,
                     enum fuse_readdir_flags flags) {
  (void)offset, (void)fi, (void)flags;
  int fd = openat(source, below(path), O_RDONLY | O_DIRECTORY);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (!directory) return -errno;
  for (struct dirent *entry; (entry = readdir(directory));) fill(list, entry->d_name, NULL, 0, 0);
  closedir(directory);
  return 0;
}
/* The point of it all. flock(2) and fcntl(2) are told that they were granted. */
static int m_flock(const char *path, struct fuse_file_info *fi, int operation) {
  (void)path, (void)fi, (void)operation;
  return 0;
}
static int m_lock(const char *path, struct fuse_file_info *fi, int command, struct flock *lock) {
  (void)path, (void)fi;
  if (command == F_GETLK) lock->l_type = F_UNLCK;
  return 0;
}

int main(int argc, char **argv) {
  struct fuse_operations operations = {
      .getattr = m_getattr, .open = m_open, .create = m_create, .read = m_read, .write = m_write,
      .release = m_release, .fsync = m_fsync, .truncate = m_truncate, .unlink = m_unlink, .mkdir = m_mkdir,
      .rmdir = m_rmdir, .rename = m_rename, .chmod = m_chmod, .readdir = m_readdir,
  };
  if (argc != 4 || (source = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) return 2;
  if (strcmp(argv[1], "no-locks") == 0) operations.flock = m_flock, operations.lock = m_lock;
  umask(0);
  char *arguments[] = {argv[0], argv[3], NULL};
  return fuse_main(2, arguments, &operations, NULL);
}
