// What a C program learns of its surroundings: arguments, environment, directory, terminal, standard streams.
#include "check.h"
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
  CHECK(argc == 3 && strcmp(argv[0], "main.wasm") == 0 && strcmp(argv[2], "two words") == 0 && !argv[3]);
  CHECK(strcmp(getenv("KEY"), "value") == 0 && !getenv("PATH") && !getenv("HOME"));
  for (int fd = 0; fd < 3; fd++)
    REFUSED(isatty(fd) - 1, ENOTTY);
  char buf[64];
  CHECK(getcwd(buf, sizeof buf) && strcmp(buf, "/") == 0);
  struct stat stat_of;
  CHECK(chdir("/inputs") == 0 && stat("f", &stat_of) == 0 && stat_of.st_size == 6);
  CHECK(chdir("dir") == 0 && stat("g", &stat_of) == 0);
  CHECK(chdir("/") == 0);
  CHECK(getchar() == EOF);
  unsigned char random[32] = {0};
  CHECK(getentropy(random, sizeof random) == 0);
  printf("%s|%s\n", argv[1], getenv("KEY"));
  fprintf(stderr, "to stderr\n");
  exit(42);
}
