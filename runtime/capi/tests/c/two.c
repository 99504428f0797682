/* A program with two static libraries in Rust: this one, and one of somebody else, which also unwinds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bacalhau_runtime.h"

/* Of the other library: catches a panic in it, and returns the sum of its argument's digits. */
uint64_t other_sum(uint64_t number);

static bh_view text(const char *text) {
    bh_view view = {(const uint8_t *)text, strlen(text)};
    return view;
}

static void check(int32_t status) {
    if (status != BH_OK) {
        fprintf(stderr, "status %d\n", (int)status);
        exit(1);
    }
}

int main(void) {
    if (other_sum(1234) != 10) return 2;
    bh_runtime *runtime = NULL;
    check(bh_runtime_new(text("{}"), &runtime, NULL));
    bh_module *module = NULL;
    check(bh_module_load(runtime, text("(module (func (export \"_start\") unreachable))"), &module, NULL));
    bh_run *run = NULL;
    check(bh_run_new(runtime, module, text(""), NULL, 60000, &run, NULL));
    if (other_sum(99) != 18) return 2;
    check(bh_run_wait(run, UINT64_MAX, NULL));
    bh_bytes code;
    check(bh_run_result_read(run, text("exitCode"), 0, 10, &code, NULL));
    if (code.len != 3 || memcmp(code.ptr, "134", 3) != 0) return 3;
    bh_bytes_free(code);
    bh_run_free(run);
    bh_module_free(module);
    bh_runtime_free(runtime);
    return 0;
}
