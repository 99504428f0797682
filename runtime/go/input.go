package bacalhau

import "io/fs"

// Input is one of a run: Path, Bytes, Tree, CAR or Piece.
type Input interface{ isInput() }

// Inputs of a run by absolute guest path.
type Inputs map[string]Input

type (
	pathInput  string
	bytesInput []byte
	treeInput  struct{ fs.FS }
	carInput   struct{ car, root, path, indexDir string }
	pieceInput struct{ piece, cid, indexDir string }
)

func (pathInput) isInput()  {}
func (bytesInput) isInput() {}
func (treeInput) isInput()  {}
func (carInput) isInput()   {}
func (pieceInput) isInput() {}

// Path is a directory or file of the host, which is read in place and must not change while runs read it.
func Path(path string) Input { return pathInput(path) }

// Bytes is a file with these bytes.
func Bytes(bytes []byte) Input { return bytesInput(bytes) }

// Tree is a directory of an fs.FS, which must not change while runs read it, and is used by several goroutines at a time.
// Its files are hashed by reading them. Symbolic links are not supported.
func Tree(fsys fs.FS) Input { return treeInput{fsys} }

// CAR is the UnixFS file or directory with the CID root of a CAR file, or what is at path below it. Each block is checked
// against its CID. An index of the CAR is kept in indexDir.
func CAR(car, root, path, indexDir string) Input { return carInput{car, root, path, indexDir} }

// Piece is the Filecoin piece with the CID cid of version 2 in the file piece: the root of the archive that it holds, or a file with
// its payload. All that is read is compared with the CID. What that needs is kept in indexDir.
func Piece(piece, cid, indexDir string) Input { return pieceInput{piece, cid, indexDir} }
