/* What a program may do wrong, and what the library answers. Ends with 0, or at the first other answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bacalhau_runtime.h"

static bh_view text(const char *text) {
    bh_view view = {(const uint8_t *)text, strlen(text)};
    return view;
}

#define NONE ((bh_view){NULL, 0})

static void fail(int line, const char *what, int32_t status) {
    fprintf(stderr, "misuse.c:%d: %s answered %d\n", line, what, (int)status);
    exit(1);
}

/* The call has this status, and an error with this text in it. */
#define EXPECT(status, words, call)                                          \
    do {                                                                     \
        bh_error *err = (bh_error *)1;                                       \
        int32_t got = (call);                                                \
        if (got != (status)) {                                               \
            bh_view said = bh_error_text(err);                               \
            fprintf(stderr, "%.*s\n", (int)said.len, (const char *)said.ptr); \
            fail(__LINE__, #call, got);                                      \
        }                                                                    \
        if ((got == BH_OK || got == BH_PENDING) != (err == NULL)) fail(__LINE__, "err of " #call, got); \
        if (err != NULL) {                                                   \
            bh_view said = bh_error_text(err);                               \
            if (bh_error_code(err) != got || memmem(said.ptr, said.len, words, strlen(words)) == NULL) { \
                fprintf(stderr, "%.*s\n", (int)said.len, (const char *)said.ptr); \
                fail(__LINE__, "text of " #call, got);                       \
            }                                                                \
        }                                                                    \
        bh_error_free(err);                                                  \
    } while (0)
#define OK(call) EXPECT(BH_OK, "", call)

static const char READER[] =
    "(module"
    " (import \"wasi_snapshot_preview1\" \"path_open\""
    "  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (data (i32.const 0) \"in/a\")"
    " (data (i32.const 32) \"\\40\\00\\00\\00\\05\\00\\00\\00\")"
    " (func (export \"_start\")"
    "  (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)"
    "   (i32.const 0) (i32.const 16)) (then unreachable))"
    "  (if (call $read (i32.load (i32.const 16)) (i32.const 32) (i32.const 1) (i32.const 20)) (then unreachable))"
    "  (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 24)))))";

/* A directory with one file, and its ways to fail. */
enum conduct { GOOD, FAILS, READS_TOO_MUCH, BAD_NAME, BAD_KIND, BLOCKS };
struct tree {
    enum conduct conduct;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int open;
    int released;
};

static int is_file(bh_view path) { return path.len == 1 && path.ptr[0] == 'a'; }

static int32_t tree_stat(void *ctx, bh_view path, uint8_t *kind, uint64_t *length) {
    (void)ctx;
    *kind = is_file(path) ? BH_FILE : BH_DIR;
    *length = is_file(path) ? 5 : 0;
    return is_file(path) || path.len == 0 ? 0 : -ENOENT;
}

static int32_t tree_list(void *ctx, bh_view path, void *sink, void (*each)(void *, bh_view, uint8_t)) {
    struct tree *tree = ctx;
    (void)path;
    each(sink, text(tree->conduct == BAD_NAME ? "../a" : "a"), tree->conduct == BAD_KIND ? 9 : BH_FILE);
    return 0;
}

static int64_t tree_read(void *ctx, bh_view path, uint8_t *buffer, size_t length, uint64_t offset) {
    struct tree *tree = ctx;
    (void)path;
    if (tree->conduct == FAILS) return -EIO;
    if (tree->conduct == READS_TOO_MUCH) return (int64_t)length + 1;
    if (tree->conduct == BLOCKS) {
        pthread_mutex_lock(&tree->lock);
        while (!tree->open) pthread_cond_wait(&tree->changed, &tree->lock);
        pthread_mutex_unlock(&tree->lock);
    }
    size_t read = offset < 5 ? 5 - (size_t)offset : 0;
    read = read < length ? read : length;
    memcpy(buffer, "hello" + offset, read);
    return (int64_t)read;
}

static void tree_release(void *ctx) {
    struct tree *tree = ctx;
    pthread_mutex_lock(&tree->lock);
    tree->released++;
    pthread_cond_broadcast(&tree->changed);
    pthread_mutex_unlock(&tree->lock);
}

static bh_tree_callbacks callbacks(struct tree *tree) {
    bh_tree_callbacks table = {
        .size = sizeof table, .ctx = tree, .stat = tree_stat, .list = tree_list, .read = tree_read, .release = tree_release,
    };
    return table;
}

static void callbacks_fail(const bh_runtime *runtime, const bh_module *module) {
    const struct {
        enum conduct conduct;
        int32_t status;
        const char *words;
    } cases[] = {
        {GOOD, BH_OK, ""},
        {FAILS, BH_HOST, "Input/output error"},
        {READS_TOO_MUCH, BH_HOST, "into a buffer of"},
        {BAD_NAME, BH_HOST, "not portable"},
        {BAD_KIND, BH_HOST, "the kind 9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tree tree = {cases[i].conduct, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
        bh_tree_callbacks table = callbacks(&tree);
        bh_inputs *inputs = bh_inputs_new();
        OK(bh_inputs_add_tree(inputs, text("/in"), &table, &err));
        bh_run *run = NULL;
        OK(bh_run_new(runtime, module, NONE, inputs, 60000, &run, &err));
        bh_inputs_free(inputs);
        EXPECT(cases[i].status, cases[i].words, bh_run_wait(run, UINT64_MAX, &err));
        if (cases[i].status == BH_OK) {
            bh_bytes read;
            OK(bh_run_result_read(run, text("stdout"), 0, 100, &read, &err));
            if (read.len != 5 || memcmp(read.ptr, "hello", 5) != 0) fail(__LINE__, "stdout", 0);
            bh_bytes_free(read);
            OK(bh_run_log(run, 1, 1, 2, &read, &err));
            if (read.len != 2 || memcmp(read.ptr, "el", 2) != 0) fail(__LINE__, "log", 0);
            bh_bytes_free(read);
        }
        bh_run_free(run);
        pthread_mutex_lock(&tree.lock);
        while (!tree.released) pthread_cond_wait(&tree.changed, &tree.lock);
        pthread_mutex_unlock(&tree.lock);
        if (tree.released != 1) fail(__LINE__, "release", tree.released);
    }
}

static void callback_blocks(const bh_runtime *runtime, const bh_module *module) {
    struct tree tree = {BLOCKS, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    bh_tree_callbacks table = callbacks(&tree);
    bh_inputs *inputs = bh_inputs_new();
    OK(bh_inputs_add_tree(inputs, text("/in"), &table, &err));
    bh_run *run = NULL;
    OK(bh_run_new(runtime, module, NONE, inputs, 60000, &run, &err));
    EXPECT(BH_PENDING, "", bh_run_wait(run, 20, &err));
    bh_bytes read;
    EXPECT(BH_MISUSE, "has not ended", bh_run_result_read(run, text("stdout"), 0, 100, &read, &err));
    bh_run_cancel(run);
    bh_run_cancel(run);
    EXPECT(BH_CANCELLED, "was cancelled", bh_run_wait(run, UINT64_MAX, &err));
    EXPECT(BH_CANCELLED, "was cancelled", bh_run_keep(run, text("/tmp/never"), &err));
    bh_run_free(run);
    bh_run *late = NULL;
    OK(bh_run_new(runtime, module, NONE, inputs, 50, &late, &err));
    EXPECT(BH_TIMEOUT, "took longer", bh_run_wait(late, UINT64_MAX, &err));
    bh_run_free(late);
    bh_inputs_free(inputs);
    pthread_mutex_lock(&tree.lock);
    tree.open = 1;
    pthread_cond_broadcast(&tree.changed);
    while (!tree.released) pthread_cond_wait(&tree.changed, &tree.lock);
    pthread_mutex_unlock(&tree.lock);
}

static int32_t tree_identity(void *ctx, void *sink, void (*each)(void *, bh_view)) {
    (void)ctx;
    each(sink, text("the identity of a caller"));
    return 0;
}

/* Whether bytes have a text in them; frees them. */
static int mentions(bh_bytes bytes, const char *words) {
    int found = memmem(bytes.ptr, bytes.len, words, strlen(words)) != NULL;
    if (!found) fprintf(stderr, "%.*s\n", (int)bytes.len, (const char *)bytes.ptr);
    bh_bytes_free(bytes);
    return found;
}

/* The receipt of a run of `module` over `inputs`, which are freed. */
static bh_receipt *receipt_of(const bh_runtime *runtime, const bh_module *module, bh_inputs *inputs) {
    bh_run *run = NULL;
    bh_receipt *receipt = NULL;
    OK(bh_run_new(runtime, module, NONE, inputs, 60000, &run, &err));
    bh_inputs_free(inputs);
    OK(bh_run_wait(run, UINT64_MAX, &err));
    OK(bh_run_receipt(run, &receipt, &err));
    bh_run_free(run);
    return receipt;
}

static void descriptors(const bh_runtime *runtime, const bh_module *module) {
    char dir[] = "/tmp/misuse-XXXXXX", path[64];
    if (mkdtemp(dir) == NULL) fail(__LINE__, "mkdtemp", errno);
    snprintf(path, sizeof path, "%s/a", dir);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    int opened = open(dir, O_RDONLY | O_DIRECTORY);
    if (file < 0 || opened < 0 || write(file, "hello", 5) != 5) fail(__LINE__, "open", errno);
    bh_receipt *receipts[2];
    bh_inputs *inputs = bh_inputs_new();
    OK(bh_inputs_add_fd(inputs, text("/in"), opened, &err));
    close(opened);
    receipts[0] = receipt_of(runtime, module, inputs);
    inputs = bh_inputs_new();
    OK(bh_inputs_add_path(inputs, text("/in"), text(dir), &err));
    receipts[1] = receipt_of(runtime, module, inputs);
    bh_bytes differences;
    OK(bh_receipt_diff(receipts[0], receipts[1], &differences, &err));
    if (!mentions(differences, "[]")) fail(__LINE__, "differences of a path and a descriptor", 0);
    bh_receipt_free(receipts[0]);
    bh_receipt_free(receipts[1]);

    bh_module *again = NULL;
    bh_bytes first, second;
    EXPECT(BH_REFUSED, "", bh_module_load_fd(runtime, file, &again, &err));
    if (pwrite(file, READER, sizeof READER - 1, 0) != sizeof READER - 1) fail(__LINE__, "pwrite", errno);
    OK(bh_module_load_fd(runtime, file, &again, &err));
    OK(bh_module_describe(module, &first, &err));
    OK(bh_module_describe(again, &second, &err));
    if (first.len != second.len || memcmp(first.ptr, second.ptr, first.len) != 0) fail(__LINE__, "description", 0);
    bh_bytes_free(first);
    bh_bytes_free(second);
    bh_module_free(again);
    close(file);
    unlink(path);
    rmdir(dir);

    inputs = bh_inputs_new();
    int ends[2];
    if (pipe(ends) != 0) fail(__LINE__, "pipe", errno);
    EXPECT(BH_MISUSE, "not a descriptor", bh_inputs_add_fd(inputs, text("/in"), -1, &err));
    EXPECT(BH_HOST, "duplicate the descriptor 9999", bh_inputs_add_fd(inputs, text("/in"), 9999, &err));
    EXPECT(BH_REFUSED, "neither a file, a directory", bh_inputs_add_fd(inputs, text("/in"), ends[0], &err));
    EXPECT(BH_MISUSE, "not of a regular file", bh_module_load_fd(runtime, ends[0], NULL, &err));
    EXPECT(BH_MISUSE, "runtime is NULL", bh_module_load_fd(NULL, 0, NULL, &err));
    close(ends[0]);
    close(ends[1]);
    bh_inputs_free(inputs);
}

static void pieces_and_identities(const bh_runtime *runtime, const bh_module *module) {
    const char *piece = getenv("PIECE"), *cid = getenv("PIECE_CID"), *kept = getenv("KEPT");
    bh_inputs *inputs = bh_inputs_new();
    OK(bh_inputs_add_piece(inputs, text("/in/a"), text(piece), text(cid), text(kept), &err));
    bh_receipt *receipt = receipt_of(runtime, module, inputs);
    bh_bytes json;
    OK(bh_receipt_encode(receipt, 0, &json, &err));
    if (!mentions(json, cid)) fail(__LINE__, "the CID of the piece", 0);
    bh_receipt_free(receipt);
    /* What is open is a path, too. */
    char opened[64];
    int fd = open(piece, O_RDONLY);
    snprintf(opened, sizeof opened, "/dev/fd/%d", fd);
    inputs = bh_inputs_new();
    OK(bh_inputs_add_piece(inputs, text("/in/a"), text(opened), text(cid), text(kept), &err));
    close(fd);
    bh_receipt_free(receipt_of(runtime, module, inputs));

    struct tree tree = {GOOD, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    bh_tree_callbacks table = callbacks(&tree);
    table.identity = tree_identity;
    inputs = bh_inputs_new();
    OK(bh_inputs_add_tree(inputs, text("/in"), &table, &err));
    receipt = receipt_of(runtime, module, inputs);
    OK(bh_receipt_encode(receipt, 0, &json, &err));
    if (!mentions(json, "\"the identity of a caller\"")) fail(__LINE__, "the identity", 0);
    bh_receipt_free(receipt);

    inputs = bh_inputs_new();
    EXPECT(BH_REFUSED, "is not a CID", bh_inputs_add_piece(inputs, text("/p"), text(piece), text("Q"), text(kept), &err));
    EXPECT(BH_HOST, "", bh_inputs_add_piece(inputs, text("/p"), text("/does/not/exist"), text(cid), text(kept), &err));
    EXPECT(BH_HOST, "it is not the piece", bh_inputs_add_piece(inputs, text("/p"), text("/bin/true"), text(cid), text(getenv("EMPTY_DIR")), &err));
    bh_inputs_free(inputs);
}

static void signatures(const bh_runtime *runtime, const bh_module *module) {
    char key[256];
    snprintf(key, sizeof key, "%s/key", getenv("KEPT"));
    bh_inputs *inputs = bh_inputs_new();
    OK(bh_inputs_add_bytes(inputs, text("/in/a"), text("hello"), &err));
    bh_receipt *receipt = receipt_of(runtime, module, inputs), *one = NULL, *forged = NULL;
    bh_bytes json;
    OK(bh_receipt_signers(receipt, &json, &err));
    if (!mentions(json, "[]")) fail(__LINE__, "signers of an unsigned receipt", 0);
    OK(bh_receipt_sign(receipt, text(key), &one, &err));
    OK(bh_receipt_signers(one, &json, &err));
    if (!mentions(json, "[\"12D3Koo")) fail(__LINE__, "signers", 0);
    EXPECT(BH_HOST, "/bin/true/key", bh_receipt_sign(receipt, text("/bin/true/key"), &forged, &err));
    EXPECT(BH_MISUSE, "receipt is NULL", bh_receipt_sign(NULL, text(key), &forged, &err));
    EXPECT(BH_MISUSE, "receipt is NULL", bh_receipt_signers(NULL, NULL, &err));

    /* The fuel of the claim is the last one: that of the job stands before it. */
    OK(bh_receipt_encode(one, 0, &json, &err));
    const char name[] = "\"fuel\": ";
    uint8_t *fuel = NULL, *next = json.ptr;
    while ((next = memmem(next, json.len - (size_t)(next - json.ptr), name, sizeof name - 1)) != NULL) {
        next += sizeof name - 1;
        fuel = next;
    }
    if (fuel == NULL) fail(__LINE__, "the fuel of the claim", 0);
    *fuel = *fuel == '1' ? '2' : '1';
    OK(bh_receipt_parse((bh_view){json.ptr, json.len}, &forged, &err));
    bh_bytes_free(json);
    EXPECT(BH_FORGED, "is not of this claim", bh_receipt_signers(forged, NULL, &err));
    bh_receipt_free(forged);
    bh_receipt_free(one);
    bh_receipt_free(receipt);
}

static void wrong_arguments(bh_runtime *runtime, bh_module *module) {
    bh_runtime *other = (bh_runtime *)1;
    EXPECT(BH_MISUSE, "unknown field `max_run`", bh_runtime_new(text("{\"max_run\": 2}"), &other, &err));
    if (other != NULL) fail(__LINE__, "out of bh_runtime_new", 0);
    EXPECT(BH_MISUSE, "JSON of the options", bh_runtime_new(text("{\"max_runs\": 0}"), &other, &err));
    EXPECT(BH_MISUSE, "NULL with a length of 5", bh_runtime_new((bh_view){NULL, 5}, &other, &err));

    bh_module *nothing = NULL;
    EXPECT(BH_MISUSE, "runtime is NULL", bh_module_load(NULL, text("(module)"), &nothing, &err));
    EXPECT(BH_REFUSED, "", bh_module_load(runtime, text("neither text nor binary"), &nothing, &err));
    EXPECT(BH_REFUSED, "", bh_module_load(runtime, NONE, &nothing, &err));
    EXPECT(BH_MISUSE, "module is NULL", bh_module_describe(NULL, NULL, &err));
    OK(bh_module_describe(module, NULL, &err));
    if (bh_module_load(runtime, NONE, NULL, NULL) != BH_REFUSED) fail(__LINE__, "bh_module_load", 0);

    bh_inputs *inputs = bh_inputs_new();
    EXPECT(BH_MISUSE, "inputs is NULL", bh_inputs_add_bytes(NULL, text("/a"), text("b"), &err));
    OK(bh_inputs_add_bytes(inputs, text("/in"), text("b"), &err));
    EXPECT(BH_MISUSE, "already", bh_inputs_add_bytes(inputs, text("/in"), text("b"), &err));
    EXPECT(BH_MISUSE, "not UTF-8", bh_inputs_add_bytes(inputs, text("/\xff"), text("b"), &err));
    EXPECT(BH_HOST, "/does/not/exist", bh_inputs_add_path(inputs, text("/b"), text("/does/not/exist"), &err));
    EXPECT(BH_REFUSED, "is not a CID",
           bh_inputs_add_car(inputs, text("/c"), text("/x.car"), text("Q"), NONE, text("/tmp/i"), &err));
    EXPECT(BH_MISUSE, "callbacks is NULL", bh_inputs_add_tree(inputs, text("/d"), NULL, &err));
    bh_tree_callbacks table = {.size = 8};
    EXPECT(BH_MISUSE, "has size 8", bh_inputs_add_tree(inputs, text("/d"), &table, &err));
    table.size = sizeof table;
    EXPECT(BH_MISUSE, "stat of callbacks is NULL", bh_inputs_add_tree(inputs, text("/d"), &table, &err));

    bh_run *run = NULL;
    EXPECT(BH_MISUSE, "module is NULL", bh_run_new(runtime, NULL, NONE, NULL, 1, &run, &err));
    EXPECT(BH_REFUSED, "unknown field `limit`", bh_run_new(runtime, module, text("{\"limit\": {}}"), NULL, 1, &run, &err));
    if (run != NULL) fail(__LINE__, "out of bh_run_new", 0);
    /* A job without the input that it names is refused when it runs. */
    OK(bh_run_new(runtime, module, text("{\"inputs\": {\"/in\": null}}"), NULL, 60000, &run, &err));
    EXPECT(BH_REFUSED, "the job has inputs at", bh_run_wait(run, UINT64_MAX, &err));
    bh_run_free(run);
    OK(bh_run_new(runtime, module, NONE, inputs, 60000, &run, &err));
    OK(bh_run_wait(run, UINT64_MAX, &err));
    OK(bh_run_wait(run, 0, &err));
    bh_bytes read;
    EXPECT(BH_HOST, "no file \"nothing\"", bh_run_result_read(run, text("nothing"), 0, 1, &read, &err));
    EXPECT(BH_MISUSE, "stream is 3", bh_run_log(run, 3, 0, 1, &read, &err));
    bh_progress progress = {.size = 4};
    EXPECT(BH_MISUSE, "has size 4", bh_run_progress(run, &progress, &err));
    EXPECT(BH_MISUSE, "out is NULL", bh_run_progress(run, NULL, &err));
    progress.size = sizeof progress;
    OK(bh_run_progress(run, &progress, &err));
    if (progress.state != BH_ENDED || progress.bytes_hashed < 1) fail(__LINE__, "progress", 0);
    bh_receipt *receipt = NULL, *same = NULL;
    OK(bh_run_receipt(run, &receipt, &err));
    OK(bh_receipt_encode(receipt, 1, &read, &err));
    bh_view cbor = {read.ptr, read.len};
    OK(bh_receipt_parse(cbor, &same, &err));
    bh_bytes differences;
    OK(bh_receipt_diff(receipt, same, &differences, &err));
    if (differences.len != 2 || memcmp(differences.ptr, "[]", 2) != 0) fail(__LINE__, "differences", 0);
    bh_bytes_free(differences);
    bh_bytes_free(read);
    bh_receipt_free(same);
    EXPECT(BH_HOST, "cannot hash", bh_receipt_verify(receipt, text("/does/not/exist"), &err));
    EXPECT(BH_FORGED, "does not have the results of the receipt", bh_receipt_verify(receipt, text(getenv("EMPTY_DIR")), &err));
    EXPECT(BH_REFUSED, "not a receipt", bh_receipt_parse(text("{}"), &same, &err));
    EXPECT(BH_MISUSE, "other is NULL", bh_receipt_diff(receipt, NULL, NULL, &err));
    bh_receipt_free(receipt);
    bh_run_free(run);
    bh_inputs_free(inputs);

    EXPECT(BH_REFUSED, "no field `module`", bh_job_normalize(text("{}"), NULL, NULL, &err));
    EXPECT(BH_HOST, "cannot hash", bh_dirhash(text("/does/not/exist"), text("results"), NULL, &err));
}

static int handles_signals(void) {
    struct sigaction action;
    if (sigaction(SIGILL, NULL, &action) != 0) fail(__LINE__, "sigaction", errno);
    return (action.sa_flags & SA_SIGINFO) != 0;
}

static void no_signal_handlers(void) {
    bh_runtime *runtime = NULL;
    bh_module *module = NULL;
    bh_run *run = NULL;
    OK(bh_runtime_new(text("{\"signal_handlers\": false}"), &runtime, &err));
    OK(bh_module_load(runtime, text("(module (func (export \"_start\") unreachable))"), &module, &err));
    OK(bh_run_new(runtime, module, NONE, NULL, 60000, &run, &err));
    OK(bh_run_wait(run, UINT64_MAX, &err));
    bh_bytes code;
    OK(bh_run_result_read(run, text("exitCode"), 0, 10, &code, &err));
    if (!mentions(code, "134")) fail(__LINE__, "the exit code of a trap", 0);
    if (handles_signals()) fail(__LINE__, "a handler of signals", 0);
    bh_run_free(run);
    bh_module_free(module);
    bh_runtime_free(runtime);
}

int main(void) {
    no_signal_handlers();
    bh_runtime_free(NULL);
    bh_module_free(NULL);
    bh_inputs_free(NULL);
    bh_run_free(NULL);
    bh_run_cancel(NULL);
    bh_receipt_free(NULL);
    bh_error_free(NULL);
    bh_bytes_free((bh_bytes){NULL, 0, 0});
    if (bh_error_code(NULL) != BH_OK || bh_error_text(NULL).len != 0) fail(__LINE__, "bh_error_code(NULL)", 0);
    if (bh_abi_version() != BH_ABI_VERSION || bh_version().len == 0) fail(__LINE__, "bh_abi_version", 0);

    bh_runtime *runtime = NULL;
    OK(bh_runtime_new(text("{\"max_runs\": 2, \"threads\": 1, \"tier\": \"unoptimized\"}"), &runtime, &err));
    bh_module *module = NULL;
    OK(bh_module_load(runtime, text(READER), &module, &err));
    if (!handles_signals()) fail(__LINE__, "no handler of signals", 0);
    wrong_arguments(runtime, module);
    callbacks_fail(runtime, module);
    callback_blocks(runtime, module);
    descriptors(runtime, module);
    pieces_and_identities(runtime, module);
    signatures(runtime, module);
    bh_module_free(module);
    bh_runtime_free(runtime);
    return 0;
}
