// Links with wasi-libc: symlink, readlink, link, lstat, realpath-like walks, loops.
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
  struct stat a, b;
  char buf[32];
  CHECK(mkdir("/d", 0755) == 0);
  put("/d/f", "content");
  CHECK(symlink("d/f", "/soft") == 0);
  CHECK(readlink("/soft", buf, sizeof buf) == 3 && memcmp(buf, "d/f", 3) == 0);
  CHECK(readlink("/soft", buf, 1) == 1);
  CHECK(stat("/soft", &a) == 0 && S_ISREG(a.st_mode) && a.st_size == 7);
  CHECK(lstat("/soft", &b) == 0 && S_ISLNK(b.st_mode) && b.st_size == 3 && a.st_ino != b.st_ino);
  CHECK(link("/d/f", "/hard") == 0);
  CHECK(stat("/hard", &b) == 0 && a.st_ino == b.st_ino && b.st_nlink == 2);
  REFUSED(link("/d", "/d2"), EPERM);
  REFUSED(link("/d/f", "/hard"), EEXIST);
  REFUSED(readlink("/hard", buf, sizeof buf), EINVAL);
  CHECK(symlink("loop", "/loop") == 0);
  REFUSED(stat("/loop", &a), ELOOP);
  REFUSED(open("/loop", O_RDONLY), ELOOP);
  REFUSED(open("/soft", O_RDONLY | O_NOFOLLOW), ELOOP);
  CHECK(symlink("/d", "/dir") == 0);
  CHECK(stat("/dir/f", &a) == 0);
  REFUSED(rmdir("/dir"), ENOTDIR);
  CHECK(unlink("/dir") == 0 && unlink("/soft") == 0 && stat("/d/f", &a) == 0 && a.st_nlink == 2);
  // A link that leads out of the tree leads nowhere.
  CHECK(symlink("../../etc/passwd", "/out") == 0);
  CHECK(open("/out", O_RDONLY) == -1);
  return 0;
}
