// Command curio runs a job over a piece file in the style of a task of Curio: Do runs it, is cancelled when the task is no
// longer owned, and returns whether it is done.
//
//	go run ./examples/curio MODULE PIECE RESULTS
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bacalhau "github.com/bacalhau-project/bacalhau/runtime/go"
)

// pieceTask runs one module over pieces.
type pieceTask struct {
	runtime *bacalhau.Runtime
	module  *bacalhau.Module
}

// do runs the task. It is done when there is a receipt, or when no machine can run it; otherwise it is tried again.
func (t *pieceTask) do(ctx context.Context, piece, results string, stillOwned func() bool) (done bool, receipt *bacalhau.Receipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	run, err := t.runtime.Start(ctx, t.module, bacalhau.Job{}, bacalhau.Inputs{"/inputs/piece": bacalhau.Path(piece)})
	if err != nil {
		return false, nil, err
	}
	defer run.Close()
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return errors.Is(err, bacalhau.ErrRefused), nil, err
			}
			if err := run.Keep(results); err != nil {
				return false, nil, err
			}
			receipt, err := run.Receipt()
			return err == nil, receipt, err
		case <-tick.C:
			if progress, err := run.Progress(); err == nil {
				fmt.Fprintf(os.Stderr, "%d bytes read, %d hashed\n", progress.BytesIn, progress.BytesHashed)
			}
			if !stillOwned() {
				run.Cancel()
			}
		}
	}
}

func main() {
	if err := task(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func task() error {
	if len(os.Args) != 4 {
		return errors.New("usage: curio MODULE PIECE RESULTS")
	}
	wasm, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	runtime, err := bacalhau.New(bacalhau.Options{MaxRuns: 2})
	if err != nil {
		return err
	}
	defer runtime.Close()
	module, err := runtime.Load(wasm)
	if err != nil {
		return err
	}
	defer module.Close()
	t := &pieceTask{runtime, module}
	_, receipt, err := t.do(context.Background(), os.Args[2], os.Args[3], func() bool { return true })
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(receipt.JSON)
	return err
}
