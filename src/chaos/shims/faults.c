/*
 * Loaded into a master with LD_PRELOAD by `trimast chaos run`: its wall clock can be moved and its data folder can fail, while it runs.
 *
 *   TRIMAST_FAULTS_FILE  control file of 24 bytes, mapped and shared with whoever writes it (little-endian):
 *                        0  int64  what is added to the wall clock, nanoseconds; the monotonic clock is left alone
 *                        8  int32  errno of writes to the folder; 0: none
 *                        12 int32  errno of syncs of files in the folder; 0: none
 *                        16 int32  microseconds that each such sync takes longer
 *                        20 int32  unused
 *   TRIMAST_FAULTS_DIR   the folder, absolute
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  volatile int64_t clock_offset_ns;
  volatile int32_t write_errno;
  volatile int32_t sync_errno;
  volatile int32_t sync_delay_us;
  volatile int32_t unused;
};

static struct control none;
static struct control *control = &none;
static char folder[4096];
static size_t folder_length;

__attribute__((constructor)) static void open_control(void) {
  const char *path = getenv("TRIMAST_FAULTS_FILE");
  const char *dir = getenv("TRIMAST_FAULTS_DIR");
  if (!path || !dir || strlen(dir) >= sizeof folder) return;
  strcpy(folder, dir);
  folder_length = strlen(folder);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) control = mapped;
  close(fd);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int in_folder(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < (ssize_t)folder_length) return 0;
  path[length] = 0;
  return strncmp(path, folder, folder_length) == 0;
}

/* True when a write to this file is to fail; errno is set. */
static int write_fails(int fd) {
  int code = control->write_errno;
  if (code == 0 || !in_folder(fd)) return 0;
  errno = code;
  return 1;
}

static int sync_fails(int fd) {
  int code = control->sync_errno, delay_us = control->sync_delay_us;
  if ((code == 0 && delay_us == 0) || !in_folder(fd)) return 0;
  if (delay_us > 0) {
    struct timespec pause = {delay_us / 1000000, (long)(delay_us % 1000000) * 1000};
    nanosleep(&pause, NULL);
  }
  if (code == 0) return 0;
  errno = code;
  return 1;
}

/* --- time --- */

int clock_gettime(clockid_t clock, struct timespec *now) {
  REAL(int, "clock_gettime", clockid_t, struct timespec *);
  int result = real(clock, now);
  int64_t offset = control->clock_offset_ns;
  if (result != 0 || offset == 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  int64_t moved = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + offset;
  now->tv_sec = moved / 1000000000;
  now->tv_nsec = moved % 1000000000;
  return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
  REAL(int, "gettimeofday", struct timeval *, void *);
  int result = real(now, zone);
  int64_t offset = control->clock_offset_ns;
  if (result != 0 || offset == 0) return result;
  int64_t moved = (int64_t)now->tv_sec * 1000000 + now->tv_usec + offset / 1000;
  now->tv_sec = moved / 1000000;
  now->tv_usec = moved % 1000000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

/* --- writes --- */

ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return write_fails(fd) ? -1 : real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return write_fails(fd) ? -1 : real(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return write_fails(fd) ? -1 : real(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  return write_fails(fd) ? -1 : real(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  return write_fails(fd) ? -1 : real(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  return write_fails(fd) ? -1 : real(fd, parts, count, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  REAL(int, "fallocate", int, int, off_t, off_t);
  return write_fails(fd) ? -1 : real(fd, mode, offset, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  REAL(int, "fallocate64", int, int, off64_t, off64_t);
  return write_fails(fd) ? -1 : real(fd, mode, offset, size);
}

/* --- syncs --- */

int fsync(int fd) {
  REAL(int, "fsync", int);
  return sync_fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return sync_fails(fd) ? -1 : real(fd);
}

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned int flags) {
  REAL(int, "sync_file_range", int, off64_t, off64_t, unsigned int);
  return sync_fails(fd) ? -1 : real(fd, offset, size, flags);
}
