// What the C guests share: a check that says which line failed, with the error number.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno,         \
              strerror(errno));                                                                    \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

// The call fails, with this error number.
#define REFUSED(call, number)                                                                      \
  do {                                                                                             \
    errno = 0;                                                                                     \
    CHECK((call) == -1);                                                                           \
    CHECK(errno == (number));                                                                      \
  } while (0)

static inline void put(const char *path, const char *content) {
  FILE *file = fopen(path, "w");
  CHECK(file);
  CHECK(fputs(content, file) >= 0);
  CHECK(fclose(file) == 0);
}
