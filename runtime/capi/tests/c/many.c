/* A program that runs many jobs: 100 at a time, and 10,000 in a row, after which it has hardly more memory than before. Children are
 * started while runs are in progress. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bacalhau_runtime.h"

#define AT_ONCE 100
#define FIRST 1000
#define RUNS 10000
#define MOST_GROWTH_KIB (10 * 1024)

static bh_view text(const char *text) {
    bh_view view = {(const uint8_t *)text, strlen(text)};
    return view;
}

static void check(int line, int32_t status, bh_error *error) {
    if (status == BH_OK) return;
    bh_view words = bh_error_text(error);
    fprintf(stderr, "many.c:%d: status %d: %.*s\n", line, (int)status, (int)words.len, (const char *)words.ptr);
    exit(1);
}
#define OK(call)                        \
    do {                                \
        bh_error *err = NULL;           \
        int32_t status = (call);        \
        check(__LINE__, status, err);   \
    } while (0)

static const char EMPTY[] = "(module (memory (export \"memory\") 1) (func (export \"_start\")))";

/* Starts a job with a seed and a small input. */
static bh_run *start(const bh_runtime *runtime, const bh_module *module, int seed) {
    char job[64];
    snprintf(job, sizeof job, "{\"seed\": %d}", seed);
    bh_inputs *inputs = bh_inputs_new();
    OK(bh_inputs_add_bytes(inputs, text("/in"), text("content"), &err));
    bh_run *run = NULL;
    OK(bh_run_new(runtime, module, text(job), inputs, 60000, &run, &err));
    bh_inputs_free(inputs);
    return run;
}

/* Waits for a run, reads what an embedder reads, and frees it. */
static void end(bh_run *run) {
    OK(bh_run_wait(run, UINT64_MAX, &err));
    bh_bytes code, claim;
    OK(bh_run_result_read(run, text("exitCode"), 0, 10, &code, &err));
    if (code.len != 1 || code.ptr[0] != '0') {
        fprintf(stderr, "the exit code is %.*s\n", (int)code.len, (const char *)code.ptr);
        exit(1);
    }
    bh_bytes_free(code);
    bh_receipt *receipt = NULL;
    OK(bh_run_receipt(run, &receipt, &err));
    OK(bh_receipt_claim(receipt, &claim, &err));
    bh_bytes_free(claim);
    bh_receipt_free(receipt);
    bh_run_free(run);
}

static long resident_kib(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (status != NULL && fgets(line, sizeof line, status) != NULL) sscanf(line, "VmRSS: %ld kB", &kib);
    if (status == NULL || kib < 0) exit(1);
    fclose(status);
    return kib;
}

/* A child that is replaced at once, as of `system` and `posix_spawn`. */
static void child(void) {
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "a child failed\n");
        exit(1);
    }
}

int main(void) {
    bh_runtime *runtime = NULL;
    OK(bh_runtime_new(text("{\"max_runs\": 100}"), &runtime, &err));
    bh_module *module = NULL;
    OK(bh_module_load(runtime, text(EMPTY), &module, &err));

    bh_run *runs[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) runs[i] = start(runtime, module, i);
    child();
    for (int i = 0; i < AT_ONCE; i++) end(runs[i]);

    long before = 0;
    for (int i = 0; i < RUNS; i++) {
        if (i == FIRST) before = resident_kib();
        end(start(runtime, module, i));
    }
    long growth = resident_kib() - before;
    printf("%ld KiB after %d runs, %ld KiB more after %d\n", before, FIRST, growth, RUNS);
    if (growth > MOST_GROWTH_KIB) return 1;
    bh_module_free(module);
    bh_runtime_free(runtime);
    return 0;
}
