/* bacalhau_runtime.h: a deterministic WebAssembly sandbox.
 *
 * Written by: runtime/capi/header.sh --bless
 *
 * Rules of this interface:
 *
 * - A function that can fail returns a status (BH_OK is 0) and, if `err` is not NULL, sets *err to an error that the caller
 *   frees with bh_error_free, or to NULL on success. No panic crosses it.
 * - Text and bytes that go in are bh_view: borrowed for the call, UTF-8 where they are text. What comes out as bh_bytes is
 *   freed with bh_bytes_free, once. What comes out as bh_view lives as long as the object that it came from.
 * - Handles may be used by several threads at a time, but freed once, when no call uses them. NULL is a misuse
 *   (BH_MISUSE), except in *_free, where it does nothing. An out-parameter may be NULL where its value is not wanted.
 * - Callbacks of an input run on threads of this library, never on the stack of a program in the sandbox.
 * - The library handles SIGSEGV, SIGILL, SIGFPE and SIGBUS of programs in the sandbox, on an own signal stack, and passes
 *   others on; the option `signal_handlers` turns that off. A child after fork must not use it before exec. It stays loaded
 *   after dlclose.
 * - Functions are only added. Structs that begin with `size` grow at the end; set `size` to their sizeof. */


#ifndef BACALHAU_RUNTIME_H
#define BACALHAU_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this interface: the major number in the upper 16 bits, the minor one in the lower. Compare it with
 * bh_abi_version(): the major numbers have to be equal, and that of the library must not have a smaller minor one.
 */
#define BH_ABI_VERSION (1 << 16)

/**
 * Kind of an entry: a directory.
 */
#define BH_DIR 0

/**
 * Kind of an entry: a regular file.
 */
#define BH_FILE 1

/**
 * Kind of an entry: a symbolic link.
 */
#define BH_LINK 2

/**
 * bh_progress.state: it waits for a thread or for memory.
 */
#define BH_QUEUED 0

/**
 * bh_progress.state: it is in progress.
 */
#define BH_RUNNING 1

/**
 * bh_progress.state: it has results or an error.
 */
#define BH_ENDED 2

/**
 * It succeeded.
 */
#define BH_OK 0

/**
 * The module, job or input is invalid on every machine.
 */
#define BH_REFUSED 1

/**
 * This machine failed. Another one, or the same one later, may succeed.
 */
#define BH_HOST 2

/**
 * The run took longer than its timeout.
 */
#define BH_TIMEOUT 3

/**
 * The run was cancelled.
 */
#define BH_CANCELLED 4

/**
 * The call itself is invalid: a NULL handle, text that is not UTF-8, results of a run that has not ended.
 */
#define BH_MISUSE 5

/**
 * A receipt or result is not what it claims to be.
 */
#define BH_FORGED 6

/**
 * The run has not ended yet. There is no error.
 */
#define BH_PENDING 7

/**
 * Why a call failed. Freed with bh_error_free.
 */
typedef struct bh_error bh_error;

/**
 * Inputs of runs, by guest path. A run takes those that are in it when it is made.
 */
typedef struct bh_inputs bh_inputs;

/**
 * A validated and compiled program. Any number of runs share it.
 */
typedef struct bh_module bh_module;

/**
 * The record of a run: its claim, signatures, and what differs from machine to machine.
 */
typedef struct bh_receipt bh_receipt;

/**
 * A run of a program.
 */
typedef struct bh_run bh_run;

/**
 * Compiles modules and runs jobs on its own threads.
 */
typedef struct bh_runtime bh_runtime;

/**
 * Bytes of another owner. NULL with a length of 0 is empty.
 */
typedef struct bh_view {
  /**
   * The first byte.
   */
  const uint8_t *ptr;
  /**
   * Number of bytes.
   */
  size_t len;
} bh_view;

/**
 * Bytes of this library, freed with bh_bytes_free.
 */
typedef struct bh_bytes {
  /**
   * The first byte.
   */
  uint8_t *ptr;
  /**
   * Number of bytes.
   */
  size_t len;
  /**
   * Of this library.
   */
  size_t capacity;
} bh_bytes;

/**
 * An input tree of the caller, which must not change while runs read it. Paths are relative, with `/` between names; the
 * empty path is the root, which may be a file.
 *
 * All functions are called on threads of this library, several at a time. A negative result is -errno and ends the run as
 * a failure of this machine. A function that blocks holds up a thread, but not a run that is cancelled or late.
 */
typedef struct bh_tree_callbacks {
  /**
   * sizeof of this struct.
   */
  size_t size;
  /**
   * Passed to each function.
   */
  void *ctx;
  /**
   * Stores the kind (BH_DIR, BH_FILE, BH_LINK) of the entry, and the length of a file or of a link's target.
   */
  int32_t (*stat)(void *ctx, struct bh_view path, uint8_t *kind, uint64_t *length);
  /**
   * Calls `each` with `sink`, a name and its kind for each entry of the directory, in any order.
   */
  int32_t (*list)(void *ctx, struct bh_view path, void *sink, void (*each)(void *sink,
                                                                           struct bh_view name,
                                                                           uint8_t kind));
  /**
   * Reads the file from `offset` into `buffer` and returns the number of bytes, fewer than `length` only at its end.
   */
  int64_t (*read)(void *ctx, struct bh_view path, uint8_t *buffer, size_t length, uint64_t offset);
  /**
   * Calls `each` with `sink` and the target of the link. May be NULL if there are no links.
   */
  int32_t (*link)(void *ctx, struct bh_view path, void *sink, void (*each)(void *sink,
                                                                           struct bh_view target));
  /**
   * Called once, when neither inputs nor runs have the tree any more. May be NULL.
   */
  void (*release)(void *ctx);
  /**
   * Calls `each` with `sink` and the identity of the tree, which is equal for equal content only, such as a CID: the job of the
   * receipt has it. NULL: all is read and hashed, and the identity is that of a directory or file of the host.
   */
  int32_t (*identity)(void *ctx, void *sink, void (*each)(void *sink, struct bh_view identity));
} bh_tree_callbacks;

/**
 * How far a run is.
 */
typedef struct bh_progress {
  /**
   * sizeof of this struct, set by the caller.
   */
  size_t size;
  /**
   * Fuel used, as of the program's latest call of the host.
   */
  uint64_t fuel_used;
  /**
   * The limit of the job.
   */
  uint64_t fuel_limit;
  /**
   * Bytes that the program has read from inputs.
   */
  uint64_t bytes_in;
  /**
   * Bytes of inputs and results that were hashed.
   */
  uint64_t bytes_hashed;
  /**
   * Bytes of the program's files, standard output and standard error included.
   */
  uint64_t bytes_out;
  /**
   * Bytes of the program's memories.
   */
  uint64_t memory_bytes;
  /**
   * BH_QUEUED, BH_RUNNING or BH_ENDED.
   */
  uint32_t state;
  /**
   * 0.
   */
  uint32_t reserved;
} bh_progress;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the interface that the library has.
 */
uint32_t bh_abi_version(void);

/**
 * Name and version of the library and its engine. Static text.
 */
struct bh_view bh_version(void);

/**
 * Frees bytes of this library. Empty ones, and those with a NULL pointer, do nothing.
 */
void bh_bytes_free(struct bh_bytes bytes);

/**
 * Go's `h1:` hash of the directory `dir`, whose files are named with `prefix` in it: `results` for results.
 */
int32_t bh_dirhash(struct bh_view dir,
                   struct bh_view prefix,
                   struct bh_bytes *h1,
                   struct bh_error **err);

/**
 * Makes an empty set of inputs.
 */
struct bh_inputs *bh_inputs_new(void);

/**
 * Adds the directory or file `path` of the host at the absolute guest path `at`. It is read in place, and must not change
 * while runs read it.
 */
int32_t bh_inputs_add_path(const struct bh_inputs *inputs,
                           struct bh_view at,
                           struct bh_view path,
                           struct bh_error **err);

/**
 * Adds the directory or file that is open for reading as `fd` at the guest path `at`, wherever it is. The descriptor is
 * duplicated; the caller may close it.
 */
int32_t bh_inputs_add_fd(const struct bh_inputs *inputs,
                         struct bh_view at,
                         int32_t fd,
                         struct bh_error **err);

/**
 * Adds a file that contains a copy of `bytes` at the guest path `at`.
 */
int32_t bh_inputs_add_bytes(const struct bh_inputs *inputs,
                            struct bh_view at,
                            struct bh_view bytes,
                            struct bh_error **err);

/**
 * Adds the UnixFS file or directory with the CID `root` from the CAR file `car`, or what is at `path` below it, at the guest
 * path `at`. Each block is checked against its CID when it is read. An index of the CAR is kept in the directory
 * `index_dir`.
 */
int32_t bh_inputs_add_car(const struct bh_inputs *inputs,
                          struct bh_view at,
                          struct bh_view car,
                          struct bh_view root,
                          struct bh_view path,
                          struct bh_view index_dir,
                          struct bh_error **err);

/**
 * Adds the Filecoin piece with the CID `cid` of version 2 in the file `piece` at the guest path `at`: the root of the archive that it
 * holds, or a file with its payload. The whole file is compared with the CID when it is added first; later, what is read is.
 * What that needs is kept in the directory `index_dir`. An aggregate of pieces is BH_REFUSED: add its segments.
 */
int32_t bh_inputs_add_piece(const struct bh_inputs *inputs,
                            struct bh_view at,
                            struct bh_view piece,
                            struct bh_view cid,
                            struct bh_view index_dir,
                            struct bh_error **err);

/**
 * Adds a tree behind functions of the caller at the guest path `at`. `callbacks` is copied; its `ctx` has to be valid until
 * `release` is called, which happens also when this fails with another status than BH_MISUSE.
 */
int32_t bh_inputs_add_tree(const struct bh_inputs *inputs,
                           struct bh_view at,
                           const struct bh_tree_callbacks *callbacks,
                           struct bh_error **err);

/**
 * Frees a set of inputs. Runs that have them go on.
 */
void bh_inputs_free(struct bh_inputs *inputs);

/**
 * Reads a job that may have only what differs from the defaults, checks it, and writes it with all fields as `json`. `cid`
 * is the CID that names it, and empty as long as the content of an input is not known.
 */
int32_t bh_job_normalize(struct bh_view job_json,
                         struct bh_bytes *json,
                         struct bh_bytes *cid,
                         struct bh_error **err);

/**
 * Validates and compiles a WebAssembly module, binary or text.
 */
int32_t bh_module_load(const struct bh_runtime *runtime,
                       struct bh_view wasm,
                       struct bh_module **out,
                       struct bh_error **err);

/**
 * Validates and compiles the module in the file that is open as `fd`, from its beginning. The descriptor stays open.
 */
int32_t bh_module_load_fd(const struct bh_runtime *runtime,
                          int32_t fd,
                          struct bh_module **out,
                          struct bh_error **err);

/**
 * Describes a module as JSON: `cid`, `profile` (name of the oldest that has its language), `backend`, `from_cache` and
 * `entry_points`.
 */
int32_t bh_module_describe(const struct bh_module *module,
                           struct bh_bytes *json,
                           struct bh_error **err);

/**
 * Frees a module. Runs of it go on.
 */
void bh_module_free(struct bh_module *module);

/**
 * Reads a receipt in JSON or DAG-CBOR. BH_FORGED if the job in it was changed after it was written.
 */
int32_t bh_receipt_parse(struct bh_view bytes, struct bh_receipt **out, struct bh_error **err);

/**
 * Writes a receipt as DAG-CBOR (`cbor` not 0) or as JSON.
 */
int32_t bh_receipt_encode(const struct bh_receipt *receipt,
                          int32_t cbor,
                          struct bh_bytes *out,
                          struct bh_error **err);

/**
 * Writes the claim of a receipt as DAG-CBOR: the bytes are equal for two correct runs of one job.
 */
int32_t bh_receipt_claim(const struct bh_receipt *receipt,
                         struct bh_bytes *out,
                         struct bh_error **err);

/**
 * Compares the claims of two receipts: a JSON list of objects with `what`, `expected` and `found`, which is empty if they
 * are equal.
 */
int32_t bh_receipt_diff(const struct bh_receipt *receipt,
                        const struct bh_receipt *other,
                        struct bh_bytes *json,
                        struct bh_error **err);

/**
 * Writes the peer IDs of those who have signed a receipt as a JSON list of texts, each once. BH_FORGED if a signature is not of the
 * claim.
 */
int32_t bh_receipt_signers(const struct bh_receipt *receipt,
                           struct bh_bytes *json,
                           struct bh_error **err);

/**
 * Makes `out` the receipt with a signature of its claim by the ed25519 key in the file `key_file`, which is made if it is
 * missing, readable only by its owner. The receipt itself does not change.
 */
int32_t bh_receipt_sign(const struct bh_receipt *receipt,
                        struct bh_view key_file,
                        struct bh_receipt **out,
                        struct bh_error **err);

/**
 * Compares the results directory `dir` with the claim of a receipt. BH_FORGED, with the first difference, if it is not the
 * one of the claim. It does not show that the program makes such results: run the job of the receipt again for that.
 */
int32_t bh_receipt_verify(const struct bh_receipt *receipt,
                          struct bh_view dir,
                          struct bh_error **err);

/**
 * Frees a receipt.
 */
void bh_receipt_free(struct bh_receipt *receipt);

/**
 * Starts a run of `module`, or appends it to the queue of the runtime.
 *
 * `job_json` is empty or a JSON object with what differs from the defaults (bh_job_normalize shows all fields). `inputs` may
 * be NULL; inputs that the job does not name are added to it without a required content. `timeout_ms` counts from when the
 * run begins, and includes hashing; UINT64_MAX: none.
 */
int32_t bh_run_new(const struct bh_runtime *runtime,
                   const struct bh_module *module,
                   struct bh_view job_json,
                   const struct bh_inputs *inputs,
                   uint64_t timeout_ms,
                   struct bh_run **out,
                   struct bh_error **err);

/**
 * Waits until a run has ended, at most `timeout_ms` milliseconds (UINT64_MAX: as long as it takes). Returns BH_OK if it has
 * results, whatever the outcome of the program; BH_PENDING if it has not ended; else what it failed with. May be called
 * again.
 */
int32_t bh_run_wait(const struct bh_run *run,
                    uint64_t timeout_ms,
                    struct bh_error **err);

/**
 * Cancels a run and returns at once. It ends with BH_CANCELLED, unless it has just completed. NULL does nothing.
 */
void bh_run_cancel(const struct bh_run *run);

/**
 * Stores how far a run is. Takes no lock.
 */
int32_t bh_run_progress(const struct bh_run *run, struct bh_progress *out, struct bh_error **err);

/**
 * At most `most` bytes of standard output (`stream` 1) or standard error (2) from `offset` on, while the program runs or
 * afterwards. Only the first MiB of each; all is in the results.
 */
int32_t bh_run_log(const struct bh_run *run,
                   int32_t stream,
                   uint64_t offset,
                   size_t most,
                   struct bh_bytes *out,
                   struct bh_error **err);

/**
 * At most `most` bytes of the file `name` of the results (`stdout`, `stderr`, `exitCode`, `outputs/…`) from `offset` on; fewer
 * only at its end. The claim of the receipt lists the files.
 */
int32_t bh_run_result_read(const struct bh_run *run,
                           struct bh_view name,
                           uint64_t offset,
                           size_t most,
                           struct bh_bytes *out,
                           struct bh_error **err);

/**
 * Moves the results to the new directory `dir`, whose parent exists. Otherwise they are removed with the run.
 */
int32_t bh_run_keep(const struct bh_run *run,
                    struct bh_view dir,
                    struct bh_error **err);

/**
 * The receipt of a run.
 */
int32_t bh_run_receipt(const struct bh_run *run, struct bh_receipt **out, struct bh_error **err);

/**
 * Cancels a run that has not ended, waits for it and frees it with the results that were not kept.
 */
void bh_run_free(struct bh_run *run);

/**
 * Makes a runtime. `options_json` is empty or a JSON object in which each field is optional:
 *
 * - `cache_dir`: directory for compiled modules. Default: none, modules are compiled each time.
 * - `tier`: `auto` (default), `optimized`, `baseline`, `unoptimized` or `interpreter`.
 * - `threads`: threads that compile. Default: one for each processor.
 * - `address_space`: `auto` (default), `large` or `small` (for processes with `ulimit -v`).
 * - `workplace`: directory in which runs have their files until they are kept. Default: the directory for temporary files.
 * - `signal_handlers`: whether the engine sets handlers of signals, by which it finds traps of programs. Default: true. Without
 *   them programs are slower.
 * - `max_runs`: runs at a time. Default: the number of processors.
 * - `max_queued`: runs that wait. Default 10 000.
 * - `max_memory_bytes`: memory of all runs at a time, by their limits. Default: no bound.
 */
int32_t bh_runtime_new(struct bh_view options_json,
                       struct bh_runtime **out,
                       struct bh_error **err);

/**
 * Cancels the runs of a runtime, waits for its threads and frees it. Handles of its modules and runs stay valid.
 */
void bh_runtime_free(struct bh_runtime *runtime);

/**
 * The status of the call that made the error; BH_OK for NULL.
 */
int32_t bh_error_code(const struct bh_error *error);

/**
 * What failed, on what, and what to do. Lives as long as the error; empty for NULL.
 */
struct bh_view bh_error_text(const struct bh_error *error);

/**
 * Frees an error.
 */
void bh_error_free(struct bh_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BACALHAU_RUNTIME_H */
