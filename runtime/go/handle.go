package bacalhau

import (
	"sync"
	"unsafe"
)

// handle is an object of the library: used by any number of goroutines, freed once.
type handle struct {
	what  string
	mutex sync.RWMutex
	ptr   unsafe.Pointer
}

func newHandle(what string) *handle { return &handle{what: what} }

// use returns the object, which is not freed before release is called.
func (h *handle) use() (ptr unsafe.Pointer, release func(), err error) {
	h.mutex.RLock()
	if h.ptr == nil {
		h.mutex.RUnlock()
		return nil, nil, closed(h.what)
	}
	return h.ptr, h.mutex.RUnlock, nil
}

// close frees the object, when no call uses it.
func (h *handle) close(free func(unsafe.Pointer)) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.ptr != nil {
		free(h.ptr)
		h.ptr = nil
	}
}
