package client

import (
	"fmt"
	"sort"
)

// Ids of the profiles.
var profiles = map[string]string{
	"v1": "bafyreieczbr6yym7jrjmasi6izzhs55z376ifi52ep5sxbgsufpb7kgdwi",
	"v2": "bafyreidaliuwa3pkua5pcd6skud3em4ot7dgeg6hqp66ff55cdeenufysq",
}

// DefaultLimits are the limits of a job that names no others.
func DefaultLimits() map[string]uint64 {
	return map[string]uint64{
		"fuel": 2_000_000_000_000, "memory_bytes": 512 << 20, "table_elements": 1_000_000, "stack_bytes": 1 << 20,
		"output_bytes": 1 << 30, "output_files": 100_000, "path_depth": 64, "log_bytes": 64 << 20, "open_files": 1024,
		"module_bytes": 256 << 20,
	}
}

// Job is a WebAssembly program with its inputs. The zero value of each field is its default.
type Job struct {
	// Module is where nodes find the program: a URL, or a CID as Upload returns it.
	Module string
	// ModuleCID is the CID of its bytes: CID(wasm).
	ModuleCID string
	// Profile is "v1" (default) or "v2".
	Profile    string
	EntryPoint string
	Args       []string
	Env        map[string]string
	// Inputs are sources by absolute guest path: URLs, CIDs with or without a path, "data:,TEXT".
	Inputs map[string]string
	// Outputs are kept directories: names in the results and guest paths. Default: outputs at /outputs.
	Outputs map[string]string
	// Stdin is a file of the guest's tree. Default: none.
	Stdin string
	Seed  uint64
	// EpochSeconds is where the guest's clock starts. Default: 2022-01-01.
	EpochSeconds *uint64
	// Limits differ from DefaultLimits.
	Limits map[string]uint64
	// Concurrency is the number of independent runs. Default 3.
	Concurrency uint16
	// Confidence is the number of runs that must agree. Default 0: the largest group of at least two.
	Confidence uint16
	// MinBids is the number of bids before any is accepted.
	MinBids uint16
	// Verifier is "deterministic" (default) or "noop", which compares nothing.
	Verifier string
	// TimeoutSeconds is the time that a provider gives one execution. Default 1800.
	TimeoutSeconds uint64
	// Private hides inputs, logs and results from all but this client.
	Private bool
	// Labels are words for people to find the job by.
	Labels []string
	// VerifiedInputs: inputs by CID are read only where all data is checked against the CID.
	VerifiedInputs bool
}

// spec is the complete spec, as JSON has it.
func (j *Job) spec() (map[string]any, error) {
	limits := map[string]any{}
	for name, most := range DefaultLimits() {
		limits[name] = most
	}
	for name, most := range j.Limits {
		if _, known := limits[name]; !known {
			return nil, fmt.Errorf("unknown limit %q", name)
		}
		limits[name] = most
	}
	profile := profiles[or(j.Profile, "v1")]
	if profile == "" {
		return nil, fmt.Errorf("unknown profile %q: v1 and v2 are known", j.Profile)
	}
	outputs := j.Outputs
	if outputs == nil {
		outputs = map[string]string{"outputs": "/outputs"}
	}
	epoch := uint64(1_640_995_200)
	if j.EpochSeconds != nil {
		epoch = *j.EpochSeconds
	}
	var stdin any
	if j.Stdin != "" {
		stdin = j.Stdin
	}
	job := map[string]any{
		"profile": profile, "module": j.ModuleCID, "entry_point": or(j.EntryPoint, "_start"), "args": list(j.Args),
		"env": texts(j.Env), "stdin": stdin, "inputs": map[string]any{}, "outputs": texts(outputs), "seed": j.Seed,
		"epoch_seconds": epoch, "limits": limits,
	}
	concurrency := j.Concurrency
	if concurrency == 0 {
		concurrency = 3
	}
	timeout := j.TimeoutSeconds
	if timeout == 0 {
		timeout = 1800
	}
	spec := map[string]any{
		"engine": map[string]any{"wasm": map[string]any{"module": j.Module, "job": job}},
		"deal": map[string]any{
			"concurrency": uint64(concurrency), "confidence": uint64(j.Confidence), "min_bids": uint64(j.MinBids),
		},
		"verifier":        or(j.Verifier, "deterministic"),
		"resources":       map[string]any{"cpu_millis": uint64(1000), "memory_bytes": uint64(0), "disk_bytes": uint64(0)},
		"timeout_seconds": timeout,
	}
	// What is at its default is not written: a signature is of the shortest form.
	if len(j.Inputs) > 0 {
		spec["inputs"] = inputs(j.Inputs)
	}
	if j.Private {
		spec["private"] = true
	}
	if j.VerifiedInputs {
		spec["verified_inputs"] = true
	}
	if len(j.Labels) > 0 {
		spec["labels"] = list(j.Labels)
	}
	return spec, nil
}

func inputs(sources map[string]string) []any {
	targets := make([]string, 0, len(sources))
	for target := range sources {
		targets = append(targets, target)
	}
	sort.Strings(targets)
	var found []any
	for _, target := range targets {
		found = append(found, map[string]any{"source": sources[target], "target": target})
	}
	return found
}

// linked is a copy of an object in which the texts at these paths are CIDs.
func linked(value any, paths ...[]string) (any, error) {
	if len(paths) == 1 && len(paths[0]) == 0 {
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("%v is not a CID", value)
		}
		return parseLink(text)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%v is not an object", value)
	}
	copied := map[string]any{}
	for key, element := range object {
		copied[key] = element
	}
	for _, path := range paths {
		element, err := linked(copied[path[0]], path[1:])
		if err != nil {
			return nil, err
		}
		copied[path[0]] = element
	}
	return copied, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func list(texts []string) []any {
	found := make([]any, 0, len(texts))
	for _, text := range texts {
		found = append(found, text)
	}
	return found
}

func texts(given map[string]string) map[string]any {
	found := map[string]any{}
	for key, text := range given {
		found[key] = text
	}
	return found
}
