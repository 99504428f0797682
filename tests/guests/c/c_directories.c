// Listing with wasi-libc: opendir, readdir, rewinddir, telldir, seekdir, fdopendir, scandir, and deletion on the way.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const SORTED[] = {".", "..", "B", "a", "b", "sub"};

int main(void) {
  CHECK(mkdir("/d", 0755) == 0);
  CHECK(mkdir("/d/sub", 0755) == 0);
  put("/d/b", "b");
  put("/d/B", "B");
  put("/d/a", "a");

  DIR *dir = opendir("/d");
  CHECK(dir);
  long third = 0;
  for (int i = 0; i < 6; i++) {
    if (i == 2)
      third = telldir(dir);
    struct dirent *entry = readdir(dir);
    CHECK(entry);
    CHECK(strcmp(entry->d_name, SORTED[i]) == 0);
    struct stat stat;
    CHECK(fstatat(dirfd(dir), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 || i == 1);
    CHECK(entry->d_type == (strcmp(entry->d_name, "sub") && i > 1 ? DT_REG : DT_DIR));
    CHECK(i == 1 || stat.st_ino == entry->d_ino);
  }
  errno = 0;
  CHECK(!readdir(dir) && errno == 0);
  seekdir(dir, third);
  CHECK(strcmp(readdir(dir)->d_name, "B") == 0);
  rewinddir(dir);
  CHECK(strcmp(readdir(dir)->d_name, ".") == 0);
  CHECK(closedir(dir) == 0);

  int fd = open("/d", O_RDONLY | O_DIRECTORY);
  CHECK(fd >= 0);
  dir = fdopendir(fd);
  CHECK(dir);
  CHECK(strcmp(readdir(dir)->d_name, ".") == 0);
  CHECK(closedir(dir) == 0);

  struct dirent **names;
  CHECK(scandir("/d", &names, NULL, alphasort) == 6);

  // rm -r with one buffer's worth of names at a time.
  char path[32];
  CHECK(mkdir("/many", 0755) == 0);
  for (int i = 0; i < 1000; i++) {
    snprintf(path, sizeof path, "/many/%d", i);
    put(path, "");
  }
  dir = opendir("/many");
  CHECK(dir);
  int gone = 0;
  for (struct dirent *entry; (entry = readdir(dir));)
    if (entry->d_name[0] != '.') {
      CHECK(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
      gone++;
    }
  CHECK(gone == 1000);
  CHECK(closedir(dir) == 0);
  CHECK(rmdir("/many") == 0);

  CHECK(!opendir("/absent") && errno == ENOENT);
  CHECK(!opendir("/d/a") && errno == ENOTDIR);
  REFUSED(rmdir("/d"), ENOTEMPTY);
  REFUSED(mkdir("/d", 0755), EEXIST);
  return 0;
}
