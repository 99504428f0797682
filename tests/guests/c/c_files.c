// Files with wasi-libc: stdio, descriptors, positions, truncation, renaming, deleting, access, stat.
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void with_stdio(void) {
  put("/f", "0123456789");
  FILE *file = fopen("/f", "r+");
  CHECK(file);
  CHECK(fseek(file, -3, SEEK_END) == 0 && ftell(file) == 7);
  CHECK(fgetc(file) == '7' && ungetc('X', file) == 'X' && fgetc(file) == 'X');
  rewind(file);
  CHECK(fputs("abc", file) >= 0 && fflush(file) == 0);
  CHECK(fseeko(file, 20, SEEK_SET) == 0 && fputc('!', file) == '!');
  CHECK(fseek(file, -1, SEEK_SET) == -1 && errno == EINVAL);
  CHECK(fclose(file) == 0);
  struct stat stat_of;
  CHECK(stat("/f", &stat_of) == 0 && stat_of.st_size == 21 && S_ISREG(stat_of.st_mode));
  file = fopen("/f", "a+");
  CHECK(file && fputs("end", file) >= 0 && fclose(file) == 0);
  CHECK(stat("/f", &stat_of) == 0 && stat_of.st_size == 24 && stat_of.st_nlink == 1);
  CHECK(!fopen("/absent", "r") && errno == ENOENT);
  CHECK(!fopen("/f", "wx") && errno == EEXIST);
  char line[64];
  file = fopen("/f", "r");
  CHECK(file && fgets(line, sizeof line, file) && strncmp(line, "abc3456789", 10) == 0);
  CHECK(fputs("x", file) < 0 || fflush(file) != 0);
  fclose(file);
}

static void with_descriptors(void) {
  char buf[16] = {0};
  int fd = open("/g", O_RDWR | O_CREAT | O_EXCL, 0644);
  CHECK(fd >= 0);
  struct iovec parts[] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
  CHECK(writev(fd, parts, 3) == 6);
  CHECK(pwrite(fd, "XY", 2, 1) == 2 && pread(fd, buf, 16, 0) == 6 && memcmp(buf, "aXYdef", 6) == 0);
  CHECK(lseek(fd, 0, SEEK_CUR) == 6 && lseek(fd, -2, SEEK_END) == 4);
  CHECK(ftruncate(fd, 3) == 0 && lseek(fd, 0, SEEK_END) == 3);
  CHECK(posix_fallocate(fd, 0, 10) == 0 && lseek(fd, 0, SEEK_END) == 10);
  CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0 && fsync(fd) == 0 && fdatasync(fd) == 0);
  CHECK(fcntl(fd, F_GETFL) == O_RDWR);
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "Z", 1) == 1);
  CHECK(lseek(fd, 0, SEEK_CUR) == 11);
  CHECK(close(fd) == 0);
  REFUSED(write(fd, "x", 1), EBADF);
  REFUSED(open("/g", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
  REFUSED(open("/g/x", O_RDONLY), ENOTDIR);
  REFUSED(open("/", O_WRONLY), EISDIR);
  CHECK(truncate("/g", 2) == 0);
  struct stat stat_of;
  CHECK(stat("/g", &stat_of) == 0 && stat_of.st_size == 2 && stat_of.st_dev == 1);
  CHECK(access("/g", R_OK | W_OK) == 0);
  REFUSED(access("/absent", F_OK), ENOENT);
}

static void renaming(void) {
  put("/a", "a");
  put("/b", "b");
  CHECK(rename("/a", "/b") == 0);
  REFUSED(rename("/a", "/c"), ENOENT);
  CHECK(mkdir("/dir", 0755) == 0);
  REFUSED(rename("/b", "/dir"), EISDIR);
  REFUSED(rename("/dir", "/b"), ENOTDIR);
  REFUSED(rename("/dir", "/dir/x"), EINVAL);
  REFUSED(unlink("/dir"), EISDIR);
  CHECK(remove("/dir") == 0 && remove("/b") == 0);
  REFUSED(remove("/b"), ENOENT);
  int fd = open("/t", O_RDWR | O_CREAT, 0644);
  CHECK(fd >= 0 && unlink("/t") == 0 && write(fd, "x", 1) == 1);
  struct stat stat_of;
  CHECK(fstat(fd, &stat_of) == 0 && stat_of.st_nlink == 0 && stat_of.st_size == 1);
}

int main(void) {
  with_stdio();
  with_descriptors();
  renaming();
  REFUSED(open("/inputs/f", O_RDWR), EROFS);
  int fd = open("/inputs/f", O_RDONLY);
  CHECK(fd >= 0);
  char buf[16];
  CHECK(read(fd, buf, 16) == 6 && memcmp(buf, "input\n", 6) == 0);
  return 0;
}
