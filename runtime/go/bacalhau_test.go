//go:build cgo && !nobacalhau

package bacalhau

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// hello writes "hello".
const hello = `(module
	(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1)
	(data (i32.const 0) "\10\00\00\00\05\00\00\00")
	(data (i32.const 16) "hello")
	(func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`

// cat writes the first KiB of /inputs/a.
const cat = `(module
	(import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1)
	(data (i32.const 0) "inputs/a")
	(data (i32.const 32) "\00\04\00\00\00\04\00\00")
	(func (export "_start")
		(if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 0) (i64.const 2) (i64.const 0)
			(i32.const 0) (i32.const 16)) (then unreachable))
		(if (call $read (i32.load (i32.const 16)) (i32.const 32) (i32.const 1) (i32.const 36)) (then unreachable))
		(drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 20)))))`

const endless = `(module (func (export "_start") (loop (br 0))))`

func start(t *testing.T, ctx context.Context, r *Runtime, wasm string, job Job, inputs Inputs) *Run {
	t.Helper()
	module, err := r.Load([]byte(wasm))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { module.Close() })
	run, err := r.Start(ctx, module, job, inputs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	return run
}

func runtimeOf(t *testing.T, options Options) *Runtime {
	t.Helper()
	r, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// opaque hides that files of a tree can seek.
type opaque struct{ fs.FS }

type opaqueFile struct{ fs.File }

func (o opaque) Open(name string) (fs.File, error) {
	file, err := o.FS.Open(name)
	if dir, ok := file.(fs.ReadDirFile); ok {
		return dir, err
	}
	return opaqueFile{file}, err
}

func TestInputsOfAllKindsGiveOneClaim(t *testing.T) {
	r := runtimeOf(t, Options{})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{"a": {Data: []byte("content")}}
	var claims []*Receipt
	for _, input := range []Input{Path(dir), Tree(os.DirFS(dir)), Tree(tree), Tree(opaque{tree})} {
		run := start(t, context.Background(), r, cat, Job{}, Inputs{"/inputs": input})
		if err := run.Wait(); err != nil {
			t.Fatal(err)
		}
		stdout, err := run.ReadFile("stdout")
		if err != nil || string(stdout) != "content" {
			t.Fatalf("stdout is %q: %v", stdout, err)
		}
		receipt, err := run.Receipt()
		if err != nil {
			t.Fatal(err)
		}
		claims = append(claims, receipt)
	}
	for _, other := range claims[1:] {
		differences, err := claims[0].Differences(other)
		if err != nil || len(differences) != 0 {
			t.Fatal(differences, err)
		}
	}
}

func TestBytesAndReceipts(t *testing.T) {
	r := runtimeOf(t, Options{})
	run := start(t, context.Background(), r, hello, Job{Args: []string{"x"}}, Inputs{"/in": Bytes([]byte("b"))})
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	results := filepath.Join(t.TempDir(), "results")
	if err := run.Keep(results); err != nil {
		t.Fatal(err)
	}
	receipt, err := run.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	if err := receipt.Verify(results); err != nil {
		t.Fatal(err)
	}
	h1, err := DirHash(results, "results")
	if err != nil || h1 != receipt.Claim.H1 {
		t.Fatal(h1, receipt.Claim.H1, err)
	}
	if err := os.WriteFile(filepath.Join(results, "stdout"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := receipt.Verify(results); !errors.Is(err, ErrForged) {
		t.Fatal(err)
	}
	progress, err := run.Progress()
	if err != nil || progress.State != Ended || progress.FuelUsed != receipt.Claim.Fuel || progress.BytesOut != 5 {
		t.Fatal(progress, err)
	}
	log, err := run.Stdout(1, 3)
	if err != nil || string(log) != "ell" {
		t.Fatal(log, err)
	}
}

// broken fails, or panics, when its file is opened.
type broken struct {
	fs.FS
	panics bool
}

func (b broken) Open(name string) (fs.File, error) {
	if name == "a" && b.panics {
		panic("on purpose")
	} else if name == "a" {
		return nil, fs.ErrPermission
	}
	return b.FS.Open(name)
}

func TestErrorsHaveTheirKinds(t *testing.T) {
	r := runtimeOf(t, Options{MaxRuns: 2})
	if _, err := r.Load([]byte("neither")); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	if _, err := New(Options{MaxRuns: -1}); !errors.Is(err, ErrMisuse) {
		t.Fatal(err)
	}
	tree := fstest.MapFS{"a": {Data: []byte("content")}}
	for _, panics := range []bool{false, true} {
		run := start(t, context.Background(), r, cat, Job{}, Inputs{"/inputs": Tree(broken{tree, panics})})
		if err := run.Wait(); !errors.Is(err, ErrHost) {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := start(t, ctx, r, endless, Job{}, nil)
	if _, err := run.Receipt(); !errors.Is(err, ErrMisuse) {
		t.Fatal(err)
	}
	cancel()
	if err := run.Wait(); !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	module, err := r.Load([]byte(endless))
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	// On a busy machine the deadline may pass before the run begins.
	late, err := r.Start(ctx, module, Job{}, nil)
	if err == nil {
		err = late.Wait()
		late.Close()
	}
	if !errors.Is(err, ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	run.Close()
	if _, err := run.Progress(); !errors.Is(err, ErrMisuse) {
		t.Fatal(err)
	}
}

func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	for _, line := range strings.Split(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, _ := strconv.Atoi(fields[1])
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// 1,000 runs from 100 goroutines, a third of which are cancelled at random.
func TestManyRunsFromManyGoroutines(t *testing.T) {
	r := runtimeOf(t, Options{MaxRuns: 8})
	module, err := r.Load([]byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	round := func() {
		var group sync.WaitGroup
		for g := 0; g < 100; g++ {
			group.Add(1)
			go func(g int) {
				defer group.Done()
				random := rand.New(rand.NewSource(int64(g)))
				for i := 0; i < 10; i++ {
					ctx, cancel := context.WithCancel(context.Background())
					tree := Tree(fstest.MapFS{"a": {Data: []byte("content")}})
					run, err := r.Start(ctx, module, Job{Seed: uint64(i)}, Inputs{"/inputs": tree})
					if err != nil {
						t.Error(err)
						cancel()
						return
					}
					cancelled := random.Intn(3) == 0
					if cancelled {
						time.AfterFunc(time.Duration(random.Intn(5))*time.Millisecond, cancel)
					}
					err = run.Wait()
					if err != nil && !(cancelled && errors.Is(err, ErrCancelled)) {
						t.Error(err)
					}
					if err == nil {
						stdout, err := run.ReadFile("stdout")
						if err != nil || !bytes.Equal(stdout, []byte("hello")) {
							t.Error(stdout, err)
						}
					}
					run.Close()
					cancel()
				}
			}(g)
		}
		group.Wait()
	}
	round()
	if testing.Short() {
		return
	}
	before := resident(t)
	round()
	if growth := resident(t) - before; growth > 32<<10 {
		t.Fatalf("resident memory grew by %d KiB", growth)
	}
}

// A piece is read by its CID, which the command computes.
func TestAPieceIsAnInput(t *testing.T) {
	command := os.Getenv("BACALHAU")
	if command == "" {
		t.Skip("BACALHAU names no command")
	}
	dir := t.TempDir()
	piece := filepath.Join(dir, "piece")
	if err := os.WriteFile(piece, bytes.Repeat([]byte("content"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(command, "piece", "--raw", piece, "--output", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(output, []byte("bafkzcib"))
	if at < 0 {
		t.Fatalf("no CID in %s", output)
	}
	cid := string(output[at : at+bytes.IndexByte(output[at:], '"')])
	r := runtimeOf(t, Options{})
	for _, kept := range []string{"first", "first", "second"} {
		run := start(t, context.Background(), r, cat, Job{}, Inputs{"/inputs/a": Piece(piece, cid, filepath.Join(dir, kept))})
		if err := run.Wait(); err != nil {
			t.Fatal(err)
		}
		stdout, err := run.ReadFile("stdout")
		if err != nil || !bytes.HasPrefix(stdout, []byte("contentcontent")) || len(stdout) != 1024 {
			t.Fatalf("stdout has %d bytes: %v", len(stdout), err)
		}
		receipt, err := run.Receipt()
		if err != nil || !bytes.Contains(receipt.Claim.Job, []byte(cid)) {
			t.Fatalf("%s: %v", receipt.Claim.Job, err)
		}
	}
	module, err := r.Load([]byte(cat))
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	_, err = r.Start(context.Background(), module, Job{}, Inputs{"/inputs/a": Piece("/bin/true", cid, filepath.Join(dir, "third"))})
	if !errors.Is(err, ErrHost) || !strings.Contains(err.Error(), "it is not the piece") {
		t.Fatal(err)
	}
}

// The command gives the claim that this package gives.
func TestTheCommandAgrees(t *testing.T) {
	command := os.Getenv("BACALHAU")
	if command == "" {
		t.Skip("BACALHAU names no command")
	}
	dir := t.TempDir()
	input, module := filepath.Join(dir, "input"), filepath.Join(dir, "cat.wat")
	if err := os.Mkdir(input, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(input, "a"): "content", module: cat} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	results := filepath.Join(dir, "results")
	output, err := exec.Command(command, "wasm", "run", module, "-i", input+":/inputs", "--output-dir", results).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	found, _ := filepath.Glob(filepath.Join(results, "receipt*.json"))
	if len(found) == 0 {
		t.Fatalf("no receipt in %s: %s", results, output)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ParseReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	run := start(t, context.Background(), runtimeOf(t, Options{}), cat, Job{}, Inputs{"/inputs": Path(input)})
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	ours, err := run.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	differences, err := ours.Differences(theirs)
	if err != nil || len(differences) != 0 || ours.Claim.H1 != theirs.Claim.H1 {
		t.Fatal(differences, err)
	}
}

func Example() {
	r, err := New(Options{MaxRuns: 4, MaxMemoryBytes: 8 << 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	module, err := r.Load([]byte(hello))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer module.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run, err := r.Start(ctx, module, Job{}, Inputs{"/inputs": Bytes([]byte("data"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer run.Close()
	if err := run.Wait(); err != nil {
		fmt.Println(err)
		return
	}
	stdout, _ := run.ReadFile("stdout")
	receipt, _ := run.Receipt()
	var outcome map[string]uint32
	_ = json.Unmarshal(receipt.Claim.Outcome, &outcome)
	fmt.Printf("%s, exit %d, %s\n", stdout, outcome["exit"], receipt.Claim.H1[:3])
	// Output: hello, exit 0, h1:
}
