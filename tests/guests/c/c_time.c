// Time with wasi-libc: the job's clock, sleeping that takes none, times of files.
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EPOCH 1640995200

int main(void) {
  struct timespec first, second;
  CHECK(clock_gettime(CLOCK_REALTIME, &first) == 0 && first.tv_sec == EPOCH && first.tv_nsec == 0);
  CHECK(clock_gettime(CLOCK_REALTIME, &second) == 0 && second.tv_nsec == 1000000);
  CHECK(clock_getres(CLOCK_MONOTONIC, &second) == 0 && second.tv_sec == 0 && second.tv_nsec == 1000000);
  CHECK(time(NULL) == EPOCH);
  struct timespec hour = {3600, 0};
  CHECK(nanosleep(&hour, NULL) == 0);
  CHECK(time(NULL) == EPOCH + 3600);
  CHECK(sleep(60) == 0 && usleep(1000) == 0);
  CHECK(time(NULL) == EPOCH + 3660);
  struct timespec until = {EPOCH + 4000, 0};
  CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
  struct timeval now;
  CHECK(gettimeofday(&now, NULL) == 0 && now.tv_sec == EPOCH + 4000);
  struct tm date;
  time_t at = EPOCH;
  CHECK(gmtime_r(&at, &date) && date.tm_year == 122 && date.tm_mon == 0 && date.tm_mday == 1);
  CHECK(localtime_r(&at, &date) && date.tm_hour == 0);

  put("/f", "x");
  struct stat stat_of;
  CHECK(stat("/f", &stat_of) == 0 && stat_of.st_mtim.tv_sec == EPOCH + 4000);
  struct timespec times[2] = {{5, 6}, {7, 8}};
  CHECK(utimensat(AT_FDCWD, "/f", times, 0) == 0);
  CHECK(stat("/f", &stat_of) == 0 && stat_of.st_atim.tv_nsec == 6 && stat_of.st_mtim.tv_sec == 7);
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = 9;
  CHECK(utimensat(AT_FDCWD, "/f", times, 0) == 0);
  CHECK(stat("/f", &stat_of) == 0 && stat_of.st_atim.tv_sec == 5 && stat_of.st_mtim.tv_sec == 9);

  int fd = open("/f", O_RDWR);
  struct pollfd wanted[2] = {{fd, POLLIN | POLLOUT, 0}, {1, POLLOUT, 0}};
  CHECK(poll(wanted, 2, 1000) == 2);
  CHECK(wanted[0].revents == (POLLIN | POLLOUT) && wanted[1].revents == POLLOUT);
  return 0;
}
