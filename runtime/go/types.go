package bacalhau

import "encoding/json"

// Options of a Runtime. The zero value of each field is its default.
type Options struct {
	// CacheDir is a directory for compiled modules. Default: none, modules are compiled each time.
	CacheDir string `json:"cache_dir,omitempty"`
	// Tier is "auto" (default), "optimized", "baseline", "unoptimized" or "interpreter".
	Tier string `json:"tier,omitempty"`
	// Threads compile modules. Default: one for each processor.
	Threads int `json:"threads,omitempty"`
	// AddressSpace is "auto" (default), "large" or "small", for processes with a limit of addresses (ulimit -v).
	AddressSpace string `json:"address_space,omitempty"`
	// Workplace is the directory in which runs have their files until they are kept. Default: that for temporary files.
	Workplace string `json:"workplace,omitempty"`
	// SignalHandlers says whether the engine sets handlers of signals, by which it finds traps of programs. Default: yes.
	SignalHandlers *bool `json:"signal_handlers,omitempty"`
	// MaxRuns is the number of runs at a time. Default: the number of processors.
	MaxRuns int `json:"max_runs,omitempty"`
	// MaxQueued is the number of runs that wait. Default 10 000.
	MaxQueued int `json:"max_queued,omitempty"`
	// MaxMemoryBytes bounds the memory of all runs at a time, by their limits. Default: no bound.
	MaxMemoryBytes uint64 `json:"max_memory_bytes,omitempty"`
}

// Job is what differs from the defaults of a job. The zero value runs _start of the module without arguments and inputs,
// and keeps /outputs.
type Job struct {
	// Profile is "v1" (default) or "v2", or the CID of one.
	Profile    string            `json:"profile,omitempty"`
	EntryPoint string            `json:"entry_point,omitempty"`
	Args       []string          `json:"args,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
	// Stdin is a file of the guest's tree. Default: none.
	Stdin string `json:"stdin,omitempty"`
	// Inputs are required contents by guest path: h1: of a directory, CID of a file. Inputs of the run that are not in
	// it may have any content.
	Inputs map[string]string `json:"inputs,omitempty"`
	// Outputs are kept directories: names in the results and guest paths.
	Outputs map[string]string `json:"outputs,omitempty"`
	Seed    uint64            `json:"seed,omitempty"`
	// EpochSeconds is where the guest's clock starts. Default: 2022-01-01.
	EpochSeconds *uint64 `json:"epoch_seconds,omitempty"`
	Limits       Limits  `json:"limits"`
}

// Limits of a run. 0 is the default of each.
type Limits struct {
	Fuel          uint64 `json:"fuel,omitempty"`
	MemoryBytes   uint64 `json:"memory_bytes,omitempty"`
	TableElements uint64 `json:"table_elements,omitempty"`
	StackBytes    uint64 `json:"stack_bytes,omitempty"`
	OutputBytes   uint64 `json:"output_bytes,omitempty"`
	OutputFiles   uint64 `json:"output_files,omitempty"`
	PathDepth     uint64 `json:"path_depth,omitempty"`
	LogBytes      uint64 `json:"log_bytes,omitempty"`
	OpenFiles     uint64 `json:"open_files,omitempty"`
	ModuleBytes   uint64 `json:"module_bytes,omitempty"`
}

// ModuleInfo describes a module.
type ModuleInfo struct {
	CID         string   `json:"cid"`
	Profile     string   `json:"profile"`
	Backend     string   `json:"backend"`
	FromCache   bool     `json:"from_cache"`
	EntryPoints []string `json:"entry_points"`
}

// State is where a run is.
type State uint32

// States of a run.
const (
	Queued  State = 0
	Running State = 1
	Ended   State = 2
)

// Progress is how far a run is.
type Progress struct {
	// FuelUsed is as of the program's latest call of the host.
	FuelUsed, FuelLimit uint64
	// BytesIn were read from inputs, BytesHashed are of inputs and results, BytesOut of the program's files.
	BytesIn, BytesHashed, BytesOut uint64
	// MemoryBytes are those of the program's memories.
	MemoryBytes uint64
	State       State
}

// Receipt is the record of a run.
type Receipt struct {
	Claim Claim `json:"claim"`
	// JSON is the whole receipt.
	JSON []byte `json:"-"`
}

// Claim is the part of a receipt that is equal on every machine.
type Claim struct {
	Job     json.RawMessage `json:"job"`
	JobCID  string          `json:"job_cid"`
	Outcome json.RawMessage `json:"outcome"`
	Fuel    uint64          `json:"fuel"`
	// H1 is Go's dirhash of the results directory with the prefix "results".
	H1    string       `json:"h1"`
	Files []ResultFile `json:"files"`
}

// ResultFile is a file of the results.
type ResultFile struct {
	Name   string `json:"name"`
	Bytes  uint64 `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Difference is one between two claims.
type Difference struct {
	What     string `json:"what"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
}

// ParseReceipt reads the JSON of a receipt without checking it; Receipt.Verify and Receipt.Differences check it.
func ParseReceipt(text []byte) (*Receipt, error) {
	receipt := &Receipt{JSON: append([]byte(nil), text...)}
	if err := json.Unmarshal(text, receipt); err != nil {
		return nil, &Error{Code: CodeRefused, Text: "not a receipt: " + err.Error()}
	}
	return receipt, nil
}
