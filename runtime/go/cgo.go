//go:build cgo && !nobacalhau

package bacalhau

/*
#cgo pkg-config: bacalhau_runtime
#include <bacalhau_runtime.h>
#include <stdlib.h>
*/
import "C"

import (
	"encoding/json"
	"math"
	"runtime"
	"unsafe"
)

// The header that this package was written for.
const abi = 1 << 16

// view lends bytes to C for one call; the caller keeps them alive.
func view(bytes []byte) C.bh_view {
	if len(bytes) == 0 {
		return C.bh_view{}
	}
	return C.bh_view{ptr: (*C.uint8_t)(unsafe.Pointer(&bytes[0])), len: C.size_t(len(bytes))}
}

// take copies bytes of C and frees them.
func take(bytes C.bh_bytes) []byte {
	defer C.bh_bytes_free(bytes)
	return copyOf(unsafe.Pointer(bytes.ptr), bytes.len)
}

func copyOf(ptr unsafe.Pointer, length C.size_t) []byte {
	if length == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(ptr), int(length))...)
}

// check turns a status and its error into an error, and frees that.
func check(status C.int32_t, err *C.bh_error) error {
	if status == C.BH_OK {
		return nil
	}
	defer C.bh_error_free(err)
	text := C.bh_error_text(err)
	return &Error{Code: Code(status), Text: string(copyOf(unsafe.Pointer(text.ptr), text.len))}
}

// New makes a runtime.
func New(options Options) (*Runtime, error) {
	if found := uint32(C.bh_abi_version()); found>>16 != abi>>16 || found < abi {
		return nil, &Error{Code: CodeMisuse, Text: "the library has another ABI than this package: update both"}
	}
	text, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	r := &Runtime{handle: newHandle("runtime")}
	var out *C.bh_runtime
	var failed *C.bh_error
	status := C.bh_runtime_new(view(text), &out, &failed)
	runtime.KeepAlive(text)
	r.ptr = unsafe.Pointer(out)
	return r, check(status, failed)
}

// Close cancels the runs, waits for the threads of the library and frees them.
func (r *Runtime) Close() error {
	r.close(func(ptr unsafe.Pointer) { C.bh_runtime_free((*C.bh_runtime)(ptr)) })
	return nil
}

// Load validates and compiles a module, binary or text.
func (r *Runtime) Load(wasm []byte) (*Module, error) {
	ptr, release, err := r.use()
	if err != nil {
		return nil, err
	}
	defer release()
	var out *C.bh_module
	var failed *C.bh_error
	status := C.bh_module_load((*C.bh_runtime)(ptr), view(wasm), &out, &failed)
	runtime.KeepAlive(wasm)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	m := &Module{handle: newHandle("module")}
	m.ptr = unsafe.Pointer(out)
	return m, nil
}

// Info describes the module.
func (m *Module) Info() (ModuleInfo, error) {
	var info ModuleInfo
	ptr, release, err := m.use()
	if err != nil {
		return info, err
	}
	defer release()
	var out C.bh_bytes
	var failed *C.bh_error
	status := C.bh_module_describe((*C.bh_module)(ptr), &out, &failed)
	if err := check(status, failed); err != nil {
		return info, err
	}
	return info, json.Unmarshal(take(out), &info)
}

// Close frees the module. Its runs go on.
func (m *Module) Close() error {
	m.close(func(ptr unsafe.Pointer) { C.bh_module_free((*C.bh_module)(ptr)) })
	return nil
}

func (r *Runtime) start(m *Module, job Job, inputs Inputs) (*Run, error) {
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	runtimePtr, releaseRuntime, err := r.use()
	if err != nil {
		return nil, err
	}
	defer releaseRuntime()
	modulePtr, releaseModule, err := m.use()
	if err != nil {
		return nil, err
	}
	defer releaseModule()
	given := C.bh_inputs_new()
	defer C.bh_inputs_free(given)
	for at, input := range inputs {
		if err := add(given, at, input); err != nil {
			return nil, err
		}
	}
	var out *C.bh_run
	var failed *C.bh_error
	status := C.bh_run_new((*C.bh_runtime)(runtimePtr), (*C.bh_module)(modulePtr), view(text), given, math.MaxUint64,
		&out, &failed)
	runtime.KeepAlive(text)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	run := &Run{handle: newHandle("run"), done: make(chan struct{})}
	run.ptr = unsafe.Pointer(out)
	return run, nil
}

func (run *Run) wait() error {
	ptr, release, err := run.use()
	if err != nil {
		return err
	}
	defer release()
	var failed *C.bh_error
	status := C.bh_run_wait((*C.bh_run)(ptr), math.MaxUint64, &failed)
	return check(status, failed)
}

// Cancel ends the run and returns at once.
func (run *Run) Cancel() {
	if ptr, release, err := run.use(); err == nil {
		C.bh_run_cancel((*C.bh_run)(ptr))
		release()
	}
}

func (run *Run) free() {
	run.close(func(ptr unsafe.Pointer) { C.bh_run_free((*C.bh_run)(ptr)) })
}

// Progress is how far the run is.
func (run *Run) Progress() (Progress, error) {
	ptr, release, err := run.use()
	if err != nil {
		return Progress{}, err
	}
	defer release()
	out := C.bh_progress{size: C.sizeof_bh_progress}
	var failed *C.bh_error
	status := C.bh_run_progress((*C.bh_run)(ptr), &out, &failed)
	return Progress{
		FuelUsed: uint64(out.fuel_used), FuelLimit: uint64(out.fuel_limit),
		BytesIn: uint64(out.bytes_in), BytesHashed: uint64(out.bytes_hashed), BytesOut: uint64(out.bytes_out),
		MemoryBytes: uint64(out.memory_bytes), State: State(out.state),
	}, check(status, failed)
}

func (run *Run) log(stream int, offset uint64, most int) ([]byte, error) {
	ptr, release, err := run.use()
	if err != nil {
		return nil, err
	}
	defer release()
	var out C.bh_bytes
	var failed *C.bh_error
	status := C.bh_run_log((*C.bh_run)(ptr), C.int32_t(stream), C.uint64_t(offset), C.size_t(most), &out, &failed)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	return take(out), nil
}

func (run *Run) read(name string, offset uint64, most int) ([]byte, error) {
	ptr, release, err := run.use()
	if err != nil {
		return nil, err
	}
	defer release()
	var out C.bh_bytes
	var failed *C.bh_error
	text := []byte(name)
	status := C.bh_run_result_read((*C.bh_run)(ptr), view(text), C.uint64_t(offset), C.size_t(most), &out, &failed)
	runtime.KeepAlive(text)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	return take(out), nil
}

// Keep moves the results to the new directory dir, whose parent exists. Otherwise they are removed by Close.
func (run *Run) Keep(dir string) error {
	ptr, release, err := run.use()
	if err != nil {
		return err
	}
	defer release()
	var failed *C.bh_error
	text := []byte(dir)
	status := C.bh_run_keep((*C.bh_run)(ptr), view(text), &failed)
	runtime.KeepAlive(text)
	return check(status, failed)
}

// Receipt of the run.
func (run *Run) Receipt() (*Receipt, error) {
	ptr, release, err := run.use()
	if err != nil {
		return nil, err
	}
	defer release()
	var out *C.bh_receipt
	var failed *C.bh_error
	status := C.bh_run_receipt((*C.bh_run)(ptr), &out, &failed)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	defer C.bh_receipt_free(out)
	text, err := encode(out, 0)
	if err != nil {
		return nil, err
	}
	return ParseReceipt(text)
}

func encode(receipt *C.bh_receipt, cbor C.int32_t) ([]byte, error) {
	var out C.bh_bytes
	var failed *C.bh_error
	status := C.bh_receipt_encode(receipt, cbor, &out, &failed)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	return take(out), nil
}

// parse gives a receipt to C; the caller frees it.
func (receipt *Receipt) parse() (*C.bh_receipt, error) {
	var out *C.bh_receipt
	var failed *C.bh_error
	status := C.bh_receipt_parse(view(receipt.JSON), &out, &failed)
	runtime.KeepAlive(receipt)
	return out, check(status, failed)
}

// CBOR is the canonical DAG-CBOR of the receipt.
func (receipt *Receipt) CBOR() ([]byte, error) {
	parsed, err := receipt.parse()
	if err != nil {
		return nil, err
	}
	defer C.bh_receipt_free(parsed)
	return encode(parsed, 1)
}

// Verify compares the results directory dir with the claim: an error that is ErrForged if it has other results.
func (receipt *Receipt) Verify(dir string) error {
	parsed, err := receipt.parse()
	if err != nil {
		return err
	}
	defer C.bh_receipt_free(parsed)
	var failed *C.bh_error
	text := []byte(dir)
	status := C.bh_receipt_verify(parsed, view(text), &failed)
	runtime.KeepAlive(text)
	return check(status, failed)
}

// Differences of the claim of another receipt; none if the claims are equal.
func (receipt *Receipt) Differences(other *Receipt) ([]Difference, error) {
	ours, err := receipt.parse()
	if err != nil {
		return nil, err
	}
	defer C.bh_receipt_free(ours)
	theirs, err := other.parse()
	if err != nil {
		return nil, err
	}
	defer C.bh_receipt_free(theirs)
	var out C.bh_bytes
	var failed *C.bh_error
	status := C.bh_receipt_diff(ours, theirs, &out, &failed)
	if err := check(status, failed); err != nil {
		return nil, err
	}
	var differences []Difference
	return differences, json.Unmarshal(take(out), &differences)
}

// DirHash is the h1: hash of a directory, equal to that of golang.org/x/mod/sumdb/dirhash.
func DirHash(dir, prefix string) (string, error) {
	var out C.bh_bytes
	var failed *C.bh_error
	dirText, prefixText := []byte(dir), []byte(prefix)
	status := C.bh_dirhash(view(dirText), view(prefixText), &out, &failed)
	runtime.KeepAlive(dirText)
	runtime.KeepAlive(prefixText)
	if err := check(status, failed); err != nil {
		return "", err
	}
	return string(take(out)), nil
}
