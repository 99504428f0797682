/* Runs a job over a directory in a process of your own, and prints its receipt.
 *
 *     cc run.c $(pkg-config --cflags --libs bacalhau_runtime) -o run
 *     ./run MODULE INPUT RESULTS [JOB.json]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bacalhau_runtime.h"

static bh_view text(const char *text) {
    bh_view view = {(const uint8_t *)text, strlen(text)};
    return view;
}

/* Ends the program with the words of an error. */
static void check(int32_t status, bh_error *error) {
    if (status == BH_OK) return;
    bh_view words = bh_error_text(error);
    fprintf(stderr, "error: %.*s (status %" PRId32 ")\n", (int)words.len, (const char *)words.ptr, status);
    bh_error_free(error);
    exit(1);
}

static bh_bytes file(const char *path) {
    bh_bytes bytes = {NULL, 0, 0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t read;
    do {
        bytes.ptr = realloc(bytes.ptr, bytes.len + 65536);
        if (bytes.ptr == NULL) exit(1);
        read = fread(bytes.ptr + bytes.len, 1, 65536, file);
        bytes.len += read;
    } while (read > 0);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: run MODULE INPUT RESULTS [JOB.json]\n");
        return 2;
    }
    if (bh_abi_version() >> 16 != BH_ABI_VERSION >> 16) {
        fprintf(stderr, "error: the library has another ABI than the header\n");
        return 1;
    }
    bh_error *error = NULL;
    bh_runtime *runtime = NULL;
    check(bh_runtime_new(text("{\"max_runs\": 2}"), &runtime, &error), error);

    bh_bytes wasm = file(argv[1]);
    bh_module *module = NULL;
    bh_view wasm_view = {wasm.ptr, wasm.len};
    check(bh_module_load(runtime, wasm_view, &module, &error), error);
    free(wasm.ptr);

    bh_inputs *inputs = bh_inputs_new();
    check(bh_inputs_add_path(inputs, text("/inputs"), text(argv[2]), &error), error);

    bh_bytes job = argc == 5 ? file(argv[4]) : (bh_bytes){NULL, 0, 0};
    bh_view job_view = {job.ptr, job.len};
    bh_run *run = NULL;
    check(bh_run_new(runtime, module, job_view, inputs, 60000, &run, &error), error);
    free(job.ptr);

    int32_t status;
    while ((status = bh_run_wait(run, 1000, &error)) == BH_PENDING) {
        bh_progress progress = {.size = sizeof progress};
        check(bh_run_progress(run, &progress, &error), error);
        fprintf(stderr, "%" PRIu64 " units of fuel, %" PRIu64 " bytes hashed\n", progress.fuel_used, progress.bytes_hashed);
    }
    check(status, error);
    check(bh_run_keep(run, text(argv[3]), &error), error);

    bh_receipt *receipt = NULL;
    check(bh_run_receipt(run, &receipt, &error), error);
    check(bh_receipt_verify(receipt, text(argv[3]), &error), error);
    bh_bytes json;
    check(bh_receipt_encode(receipt, 0, &json, &error), error);
    fwrite(json.ptr, 1, json.len, stdout);

    bh_bytes_free(json);
    bh_receipt_free(receipt);
    bh_run_free(run);
    bh_inputs_free(inputs);
    bh_module_free(module);
    bh_runtime_free(runtime);
    return 0;
}
