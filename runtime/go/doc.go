// Package bacalhau runs WebAssembly programs in a deterministic sandbox inside of this process: a module, a job and inputs
// in, results and a receipt out. The same job gives the same results, hash (h1:) and claim on every machine.
//
// It is a thin layer over the C library libbacalhau_runtime, found by pkg-config (runtime/capi/install.sh installs it).
// Without cgo, or with the build tag nobacalhau, the package builds without the library, and New returns ErrUnavailable.
//
// All methods may be called by any number of goroutines. Runtime, Module and Run are closed when they are not needed; a
// method of a closed one returns an error that is ErrMisuse.
package bacalhau
