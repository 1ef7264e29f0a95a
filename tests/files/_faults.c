/*
 * Kills a program at its n-th change of files below a directory, or lets that change fail: loaded with
 * LD_PRELOAD by _faults.ts, which documents the variables. Linux with glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char *below, *ops;
static long at, times;
static int error, log_fd = -1;
static atomic_long count;

__attribute__((constructor)) static void start(void) {
  char exe[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
  const char *wanted = getenv("KBUILD_FAULT_PROGRAM");
  if (length < 0 || wanted == NULL) return;
  exe[length] = 0;
  if (strcmp(exe, wanted) != 0) return;
  below = strdup(getenv("KBUILD_FAULT_BELOW"));
  ops = strdup(getenv("KBUILD_FAULT_OPS"));
  at = atol(getenv("KBUILD_FAULT_AT"));
  times = atol(getenv("KBUILD_FAULT_TIMES"));
  error = atoi(getenv("KBUILD_FAULT_ERROR"));
  log_fd = open(getenv("KBUILD_FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  /* Programs that it starts are left alone. */
  unsetenv("LD_PRELOAD");
  unsetenv("KBUILD_FAULT_PROGRAM");
}

static int is_chosen(const char *op) {
  const char *found = strstr(ops, op);
  char end = found == NULL ? 'x' : found[strlen(op)];
  return found != NULL && (found == ops || found[-1] == ',') && (end == ',' || end == 0);
}

static int is_below(const char *path) {
  size_t length = strlen(below);
  return strncmp(path, below, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The absolute path of a name relative to an open directory, or of the open file itself. */
static const char *resolve(int fd, const char *name, char *buffer) {
  if (name != NULL && name[0] == '/') return name;
  char link[64];
  if (fd == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  if (length < 0) return "";
  buffer[length] = 0;
  if (name != NULL) snprintf(buffer + length, PATH_MAX - length, "/%s", name);
  return buffer;
}

static void note(const char *what, const char *op, const char *path) {
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%s %s %s\n", what, op, path);
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  if (real(log_fd, line, length) < 0) abort();
}

/* Whether this change of a file is to fail; the program may not come back from here. */
static int fails(const char *op, int fd, const char *name) {
  char buffer[PATH_MAX];
  if (below == NULL || !is_chosen(op)) return 0;
  int saved = errno;
  const char *path = resolve(fd, name, buffer);
  errno = saved;
  if (!is_below(path)) return 0;
  long number = atomic_fetch_add(&count, 1) + 1;
  note("saw", op, path);
  if (at == 0 || number < at || (times > 0 && number >= at + times)) return 0;
  note("hit", op, path);
  if (error == 0) raise(SIGKILL);
  errno = error;
  return 1;
}

#define REAL(name) static __typeof__(name) *real; if (real == NULL) real = dlsym(RTLD_NEXT, #name)

int rename(const char *from, const char *to) {
  REAL(rename);
  return fails("rename", AT_FDCWD, to) ? -1 : real(from, to);
}

int link(const char *from, const char *to) {
  REAL(link);
  return fails("link", AT_FDCWD, to) ? -1 : real(from, to);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
  REAL(linkat);
  return fails("link", to_fd, to) ? -1 : real(from_fd, from, to_fd, to, flags);
}

int symlink(const char *target, const char *path) {
  REAL(symlink);
  return fails("symlink", AT_FDCWD, path) ? -1 : real(target, path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return fails("mkdir", AT_FDCWD, path) ? -1 : real(path, mode);
}

int chmod(const char *path, mode_t mode) {
  REAL(chmod);
  return fails("set", AT_FDCWD, path) ? -1 : real(path, mode);
}

int utimensat(int fd, const char *path, const struct timespec times[2], int flags) {
  REAL(utimensat);
  return fails("set", fd, path) ? -1 : real(fd, path, times, flags);
}

int unlink(const char *path) {
  REAL(unlink);
  return fails("remove", AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int fd, const char *path, int flags) {
  REAL(unlinkat);
  return fails("remove", fd, path) ? -1 : real(fd, path, flags);
}

int rmdir(const char *path) {
  REAL(rmdir);
  return fails("remove", AT_FDCWD, path) ? -1 : real(path);
}

int fsync(int fd) {
  REAL(fsync);
  return fails("sync", fd, NULL) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return fails("sync", fd, NULL) ? -1 : real(fd);
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  return fails("truncate", fd, NULL) ? -1 : real(fd, length);
}

/* A write that fails, or in which the program is killed, has come half the way before. */
ssize_t write(int fd, const void *bytes, size_t size) {
  REAL(write);
  if (below == NULL || fd == log_fd || !is_chosen("write")) return real(fd, bytes, size);
  char buffer[PATH_MAX];
  long next = atomic_load(&count) + 1;
  if (at == next && size > 1 && is_below(resolve(fd, NULL, buffer))) {
    if (real(fd, bytes, size / 2) < 0) return -1;
  }
  return fails("write", fd, NULL) ? -1 : real(fd, bytes, size);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  REAL(pwrite64);
  return fails("write", fd, NULL) ? -1 : real(fd, bytes, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
  REAL(writev);
  return fails("write", fd, NULL) ? -1 : real(fd, parts, number);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
  REAL(copy_file_range);
  return fails("write", out, NULL) ? -1 : real(in, from, out, to, size, flags);
}

static int makes(int flags) { return (flags & O_CREAT) != 0; }

#define OPEN(name, ...)                                                          \
  mode_t mode = 0;                                                               \
  if (makes(flags)) {                                                            \
    va_list rest;                                                                \
    va_start(rest, flags);                                                       \
    mode = va_arg(rest, mode_t);                                                 \
    va_end(rest);                                                                \
  }                                                                              \
  REAL(name);

int open(const char *path, int flags, ...) {
  OPEN(open)
  return makes(flags) && fails("create", AT_FDCWD, path) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  OPEN(open64)
  return makes(flags) && fails("create", AT_FDCWD, path) ? -1 : real(path, flags, mode);
}

int openat64(int fd, const char *path, int flags, ...) {
  OPEN(openat64)
  return makes(flags) && fails("create", fd, path) ? -1 : real(fd, path, flags, mode);
}
