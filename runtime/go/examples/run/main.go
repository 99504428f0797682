// Command run runs a job over a directory in its process, and prints the receipt.
//
//	go run ./examples/run MODULE INPUT RESULTS [JOB.json]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	bacalhau "github.com/bacalhau-project/bacalhau/runtime/go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 && len(args) != 4 {
		return errors.New("usage: run MODULE INPUT RESULTS [JOB.json]")
	}
	wasm, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	// The file has what differs from the defaults.
	var job bacalhau.Job
	if len(args) == 4 {
		text, err := os.ReadFile(args[3])
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &job); err != nil {
			return err
		}
	}
	runtime, err := bacalhau.New(bacalhau.Options{})
	if err != nil {
		return err
	}
	defer runtime.Close()
	module, err := runtime.Load(wasm)
	if err != nil {
		return err
	}
	defer module.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	started, err := runtime.Start(ctx, module, job, bacalhau.Inputs{"/inputs": bacalhau.Path(args[1])})
	if err != nil {
		return err
	}
	defer started.Close()
	if err := started.Wait(); err != nil {
		return err
	}
	if err := started.Keep(args[2]); err != nil {
		return err
	}
	receipt, err := started.Receipt()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(receipt.JSON)
	return err
}
