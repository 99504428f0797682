//go:build !cgo || nobacalhau

package bacalhau

// New returns ErrUnavailable.
func New(Options) (*Runtime, error) { return nil, ErrUnavailable }

// Close does nothing.
func (*Runtime) Close() error { return nil }

// Load returns ErrUnavailable.
func (*Runtime) Load([]byte) (*Module, error) { return nil, ErrUnavailable }

// Info returns ErrUnavailable.
func (*Module) Info() (ModuleInfo, error) { return ModuleInfo{}, ErrUnavailable }

// Close does nothing.
func (*Module) Close() error { return nil }

func (*Runtime) start(*Module, Job, Inputs) (*Run, error) { return nil, ErrUnavailable }

func (*Run) wait() error { return ErrUnavailable }

func (*Run) free() {}

func (*Run) log(int, uint64, int) ([]byte, error) { return nil, ErrUnavailable }

func (*Run) read(string, uint64, int) ([]byte, error) { return nil, ErrUnavailable }

// Cancel does nothing.
func (*Run) Cancel() {}

// Progress returns ErrUnavailable.
func (*Run) Progress() (Progress, error) { return Progress{}, ErrUnavailable }

// Keep returns ErrUnavailable.
func (*Run) Keep(string) error { return ErrUnavailable }

// Receipt returns ErrUnavailable.
func (*Run) Receipt() (*Receipt, error) { return nil, ErrUnavailable }

// CBOR returns ErrUnavailable.
func (*Receipt) CBOR() ([]byte, error) { return nil, ErrUnavailable }

// Verify returns ErrUnavailable.
func (*Receipt) Verify(string) error { return ErrUnavailable }

// Differences returns ErrUnavailable.
func (*Receipt) Differences(*Receipt) ([]Difference, error) { return nil, ErrUnavailable }

// DirHash returns ErrUnavailable.
func DirHash(string, string) (string, error) { return "", ErrUnavailable }
