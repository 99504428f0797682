//go:build cgo && !nobacalhau

package bacalhau

/*
#include <bacalhau_runtime.h>
#include <stdlib.h>

int32_t bhGoStat(void *, bh_view, uint8_t *, uint64_t *);
int32_t bhGoList(void *, bh_view, void *, void *);
int64_t bhGoRead(void *, bh_view, uint8_t *, size_t, uint64_t);
void bhGoRelease(void *);

static int32_t bh_go_list(void *ctx, bh_view path, void *sink, void (*each)(void *, bh_view, uint8_t)) {
	return bhGoList(ctx, path, sink, (void *)each);
}

static int32_t bh_go_add_tree(bh_inputs *inputs, bh_view at, void *ctx, bh_error **err) {
	bh_tree_callbacks callbacks = {
		.size = sizeof callbacks, .ctx = ctx, .stat = bhGoStat, .list = bh_go_list, .read = bhGoRead, .release = bhGoRelease,
	};
	return bh_inputs_add_tree(inputs, at, &callbacks, err);
}
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// add adds one input.
func add(inputs *C.bh_inputs, at string, input Input) error {
	var failed *C.bh_error
	var status C.int32_t
	place := []byte(at)
	switch input := input.(type) {
	case pathInput:
		path := []byte(input)
		status = C.bh_inputs_add_path(inputs, view(place), view(path), &failed)
		runtime.KeepAlive(path)
	case bytesInput:
		status = C.bh_inputs_add_bytes(inputs, view(place), view(input), &failed)
		runtime.KeepAlive(input)
	case carInput:
		car, root, path, dir := []byte(input.car), []byte(input.root), []byte(input.path), []byte(input.indexDir)
		status = C.bh_inputs_add_car(inputs, view(place), view(car), view(root), view(path), view(dir), &failed)
		runtime.KeepAlive([][]byte{car, root, path, dir})
	case pieceInput:
		piece, cid, dir := []byte(input.piece), []byte(input.cid), []byte(input.indexDir)
		status = C.bh_inputs_add_piece(inputs, view(place), view(piece), view(cid), view(dir), &failed)
		runtime.KeepAlive([][]byte{piece, cid, dir})
	case treeInput:
		handle := cgo.NewHandle(&tree{fsys: input.FS, open: map[string]*file{}})
		// A place for the number, since C takes a pointer.
		ctx := C.malloc(C.size_t(unsafe.Sizeof(handle)))
		*(*cgo.Handle)(ctx) = handle
		status = C.bh_go_add_tree(inputs, view(place), ctx, &failed)
		if status == C.BH_MISUSE {
			handle.Delete()
			C.free(ctx)
		}
	default:
		return &Error{Code: CodeMisuse, Text: "the input at " + at + " is nil"}
	}
	runtime.KeepAlive(place)
	return check(status, failed)
}

func freeContext(ctx unsafe.Pointer) { C.free(ctx) }
