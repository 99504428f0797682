package bacalhau

import "errors"

// Code says of which kind an error is.
type Code int32

// Kinds of errors. Use errors.Is with the Err variables.
const (
	CodeRefused   Code = 1
	CodeHost      Code = 2
	CodeTimeout   Code = 3
	CodeCancelled Code = 4
	CodeMisuse    Code = 5
	CodeForged    Code = 6
)

var (
	// ErrRefused: the module, job or input is invalid on every machine.
	ErrRefused = errors.New("refused")
	// ErrHost: this machine failed. Another one, or the same one later, may succeed.
	ErrHost = errors.New("host failure")
	// ErrTimeout: the deadline of the context passed. The error is context.DeadlineExceeded too.
	ErrTimeout = errors.New("timeout")
	// ErrCancelled: the run was cancelled. The error is context.Canceled too if its context was.
	ErrCancelled = errors.New("cancelled")
	// ErrMisuse: the call itself is invalid, such as a method of a closed object.
	ErrMisuse = errors.New("misuse")
	// ErrForged: a receipt or result is not what it claims to be.
	ErrForged = errors.New("forged")
	// ErrUnavailable: the program was built without the library.
	ErrUnavailable = errors.New("bacalhau: built without cgo or with the tag nobacalhau")
)

var kinds = map[Code]error{
	CodeRefused: ErrRefused, CodeHost: ErrHost, CodeTimeout: ErrTimeout,
	CodeCancelled: ErrCancelled, CodeMisuse: ErrMisuse, CodeForged: ErrForged,
}

// Error is a failed call of the library.
type Error struct {
	Code Code
	// Text says what failed, on what, and what to do.
	Text string
	// cause is the error of the context that ended a run.
	cause error
}

func (e *Error) Error() string { return "bacalhau: " + e.Text }

// Is reports whether the error is of the kind that an Err variable names.
func (e *Error) Is(target error) bool { return kinds[e.Code] == target }

// Unwrap returns the error of the context that ended a run.
func (e *Error) Unwrap() error { return e.cause }

func closed(what string) error {
	return &Error{Code: CodeMisuse, Text: "the " + what + " is closed"}
}
