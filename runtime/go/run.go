package bacalhau

import (
	"context"
	"errors"
	"sync"
)

// Runtime compiles modules and runs jobs, on threads of its own.
type Runtime struct{ *handle }

// Module is a compiled program. Any number of runs share it.
type Module struct{ *handle }

// Run is a run of a program.
type Run struct {
	*handle
	ctx  context.Context
	once sync.Once
	done chan struct{}
}

// Start starts a run, or appends it to the queue of the runtime. The run is cancelled when ctx is, also at its deadline.
func (r *Runtime) Start(ctx context.Context, module *Module, job Job, inputs Inputs) (*Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(ctx, &Error{Code: CodeCancelled, Text: "the run was cancelled before it began"})
	}
	run, err := r.start(module, job, inputs)
	if err != nil {
		return nil, err
	}
	run.ctx = ctx
	if ctx.Done() != nil {
		go func() {
			select {
			case <-ctx.Done():
				run.Cancel()
			case <-run.done:
			}
		}()
	}
	return run, nil
}

// Wait waits until the run has ended. It returns nil if there are results, whatever the outcome of the program.
func (run *Run) Wait() error {
	err := run.wait()
	run.once.Do(func() { close(run.done) })
	return ended(run.ctx, err)
}

// Close cancels a run that has not ended, waits for it, and frees it with the results that were not kept.
func (run *Run) Close() error {
	run.Cancel()
	run.once.Do(func() { close(run.done) })
	run.free()
	return nil
}

// ReadFile reads a whole file of the results: "stdout", "stderr", "exitCode" or "outputs/…".
func (run *Run) ReadFile(name string) ([]byte, error) {
	const chunk = 1 << 20
	var all []byte
	for {
		bytes, err := run.read(name, uint64(len(all)), chunk)
		if err != nil {
			return nil, err
		}
		all = append(all, bytes...)
		if len(bytes) < chunk {
			return all, nil
		}
	}
}

// ReadAt reads at most most bytes of a file of the results from offset on, fewer only at its end.
func (run *Run) ReadAt(name string, offset uint64, most int) ([]byte, error) {
	return run.read(name, offset, most)
}

// Stdout is at most most bytes of standard output from offset on, also while the program runs. Only the first MiB.
func (run *Run) Stdout(offset uint64, most int) ([]byte, error) { return run.log(1, offset, most) }

// Stderr is as Stdout for standard error.
func (run *Run) Stderr(offset uint64, most int) ([]byte, error) { return run.log(2, offset, most) }

// ended adds the reason of the context to the error of a run that it has cancelled.
func ended(ctx context.Context, err error) error {
	var failed *Error
	if err == nil || !errors.As(err, &failed) || failed.Code != CodeCancelled || ctx.Err() == nil {
		return err
	}
	cause := ctx.Err()
	if errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Code: CodeTimeout, Text: "the deadline of the run's context passed", cause: cause}
	}
	return &Error{Code: CodeCancelled, Text: failed.Text, cause: cause}
}
