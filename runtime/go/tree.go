//go:build cgo && !nobacalhau

package bacalhau

/*
#include <bacalhau_runtime.h>

static inline void bh_go_each(void (*each)(void *, bh_view, uint8_t), void *sink, bh_view name, uint8_t kind) {
	each(sink, name, kind);
}
*/
import "C"

import (
	"errors"
	"io"
	"io/fs"
	"runtime"
	"runtime/cgo"
	"sync"
	"syscall"
	"unsafe"
)

// mostOpen is the number of files of a tree that are open at a time.
const mostOpen = 32

// tree is an fs.FS behind the callbacks of an input.
type tree struct {
	fsys  fs.FS
	mutex sync.Mutex
	open  map[string]*file
}

// file is an open file, read by one goroutine at a time.
type file struct {
	mutex sync.Mutex
	// file is nil after it was closed for others.
	file fs.File
	// at is its position.
	at uint64
}

func treeOf(ctx unsafe.Pointer) *tree { return (*(*cgo.Handle)(ctx)).Value().(*tree) }

func pathOf(path C.bh_view) string {
	if path.len == 0 {
		return "."
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(path.ptr)), int(path.len)))
}

// errno is the negative number by which C is told of an error.
func errno(err error) int64 {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return -int64(number)
	case errors.Is(err, fs.ErrNotExist):
		return -int64(syscall.ENOENT)
	case errors.Is(err, fs.ErrPermission):
		return -int64(syscall.EACCES)
	default:
		return -int64(syscall.EIO)
	}
}

// kindOf returns false for what is neither a directory nor a file.
func kindOf(mode fs.FileMode) (C.uint8_t, bool) {
	switch {
	case mode.IsDir():
		return C.BH_DIR, true
	case mode.IsRegular():
		return C.BH_FILE, true
	default:
		return 0, false
	}
}

// failure stores the errno of a panic of the fs.FS: a panic must not reach C.
func failure[T ~int32 | ~int64](result *T) {
	if recover() != nil {
		*result = -T(syscall.EIO)
	}
}

//export bhGoStat
func bhGoStat(ctx unsafe.Pointer, path C.bh_view, kind *C.uint8_t, length *C.uint64_t) (result C.int32_t) {
	defer failure(&result)
	info, err := fs.Stat(treeOf(ctx).fsys, pathOf(path))
	if err != nil {
		return C.int32_t(errno(err))
	}
	found, ok := kindOf(info.Mode())
	if !ok {
		return -C.int32_t(syscall.ENOTSUP)
	}
	*kind = found
	*length = C.uint64_t(info.Size())
	return 0
}

//export bhGoList
func bhGoList(ctx unsafe.Pointer, path C.bh_view, sink unsafe.Pointer, each unsafe.Pointer) (result C.int32_t) {
	defer failure(&result)
	entries, err := fs.ReadDir(treeOf(ctx).fsys, pathOf(path))
	if err != nil {
		return C.int32_t(errno(err))
	}
	for _, entry := range entries {
		kind, ok := kindOf(entry.Type())
		if !ok {
			return -C.int32_t(syscall.ENOTSUP)
		}
		name := []byte(entry.Name())
		C.bh_go_each((*[0]byte)(each), sink, view(name), kind)
		runtime.KeepAlive(name)
	}
	return 0
}

//export bhGoRead
func bhGoRead(ctx unsafe.Pointer, path C.bh_view, buffer *C.uint8_t, length C.size_t, offset C.uint64_t) (result C.int64_t) {
	defer failure(&result)
	if length == 0 {
		return 0
	}
	t, name := treeOf(ctx), pathOf(path)
	f, err := t.file(name)
	if err != nil {
		return C.int64_t(errno(err))
	}
	read, err := f.readAt(t.fsys, name, unsafe.Slice((*byte)(unsafe.Pointer(buffer)), int(length)), uint64(offset))
	if err != nil {
		return C.int64_t(errno(err))
	}
	return C.int64_t(read)
}

//export bhGoRelease
func bhGoRelease(ctx unsafe.Pointer) {
	defer func() { _ = recover() }()
	handle := *(*cgo.Handle)(ctx)
	t := handle.Value().(*tree)
	handle.Delete()
	freeContext(ctx)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, f := range t.open {
		_ = f.file.Close()
	}
}

// file opens a file, or returns the one that is open.
func (t *tree) file(name string) (*file, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if f := t.open[name]; f != nil {
		return f, nil
	}
	opened, err := t.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	if len(t.open) >= mostOpen {
		for other, f := range t.open {
			// One that is being read is left open.
			if f.mutex.TryLock() {
				_ = f.file.Close()
				f.file = nil
				f.mutex.Unlock()
				delete(t.open, other)
				break
			}
		}
	}
	f := &file{file: opened}
	t.open[name] = f
	return f, nil
}

// readAt fills the buffer, up to the end of the file.
func (f *file) readAt(fsys fs.FS, name string, buffer []byte, offset uint64) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := f.seek(fsys, name, offset); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		return 0, err
	}
	read, err := io.ReadFull(f.file, buffer)
	f.at += uint64(read)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return read, err
}

// seek moves to offset: by reading, or from the beginning again, where the file cannot seek.
func (f *file) seek(fsys fs.FS, name string, offset uint64) error {
	if f.file != nil && f.at == offset {
		return nil
	}
	if seeker, ok := f.file.(io.Seeker); ok {
		_, err := seeker.Seek(int64(offset), io.SeekStart)
		f.at = offset
		return err
	}
	if f.file == nil || f.at > offset {
		again, err := fsys.Open(name)
		if err != nil {
			return err
		}
		if f.file != nil {
			_ = f.file.Close()
		}
		f.file, f.at = again, 0
	}
	skipped, err := io.CopyN(io.Discard, f.file, int64(offset-f.at))
	f.at += uint64(skipped)
	return err
}
