package client

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxDepth   = 256
	chunkBytes = 1 << 20
	// maxLinks is the most links of a node that this package writes.
	maxLinks = 1024
	// maxShards is the nesting of shards of a directory.
	maxShards = 64
	// leastChunkBytes is the least that a block of a large file has on average.
	leastChunkBytes = 1024
	freeEntries     = 100_000
	freeBlocks      = 1_000_000
)

// bounds of what is unpacked: a small archive can name its blocks again and again.
type bounds struct {
	// bytes of all files.
	bytes uint64
	// entries are files and directories, blocks those that are read.
	entries, blocks uint64
}

// boundsOf are the bounds for the files of a receipt, beside which there may be empty directories.
func boundsOf(files []ResultFile) bounds {
	found := bounds{entries: freeEntries, blocks: freeBlocks}
	for _, file := range files {
		found.bytes += file.Bytes
		found.entries += uint64(strings.Count(file.Name, "/")) + 1
		found.blocks += maxShards + file.Bytes/leastChunkBytes
	}
	return found
}

// unpack writes the directory root to the new directory dir, within bounds.
func unpack(from *archive, root link, dir string, left bounds) error {
	return (&unpacking{from, left}).entry(root, dir, 0)
}

type unpacking struct {
	from *archive
	left bounds
}

func (u *unpacking) get(cid link) ([]byte, error) {
	if u.left.blocks == 0 {
		return nil, errors.New("the archive names its blocks more often than its files need")
	}
	u.left.blocks--
	return u.from.get(cid)
}

func (u *unpacking) entry(cid link, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s is nested deeper than %d directories", path, maxDepth)
	}
	if u.left.entries == 0 {
		return errors.New("the archive has more files and directories than its receipt")
	}
	u.left.entries--
	if cid.codec() == codecDagPB {
		found, err := u.node(cid)
		if err != nil {
			return err
		}
		if found.kind == kindDirectory || found.kind == kindShard {
			if err := os.Mkdir(path, 0o755); err != nil {
				return err
			}
			return u.names(found, path, depth, 0)
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = u.file(cid, file, 0)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// names unpacks what is in a directory, or in a shard of one.
func (u *unpacking) names(dir *node, path string, depth, shards int) error {
	digits := 0
	if dir.kind == kindShard {
		if shards > maxShards || dir.fanout < 8 || dir.fanout > 1024 {
			return errNode
		}
		digits = len(fmt.Sprintf("%X", dir.fanout-1))
	}
	for _, entry := range dir.links {
		if len(entry.name) < digits {
			return errNode
		}
		name := entry.name[digits:]
		if name == "" && digits > 0 {
			shard, err := u.node(entry.cid)
			if err != nil {
				return err
			}
			if shard.kind != kindShard {
				return errNode
			}
			if err := u.names(shard, path, depth, shards+1); err != nil {
				return err
			}
			continue
		}
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
			return fmt.Errorf("the results have the name %q, which is not portable", name)
		}
		if err := u.entry(entry.cid, filepath.Join(path, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// file writes the content of a file in order.
func (u *unpacking) file(cid link, to io.Writer, depth int) error {
	if depth > maxDepth {
		return errNode
	}
	content, links := []byte(nil), []nodeLink(nil)
	if cid.codec() == codecRaw {
		block, err := u.get(cid)
		if err != nil {
			return err
		}
		content = block
	} else {
		found, err := u.node(cid)
		if err != nil {
			return err
		}
		if found.kind != kindFile && found.kind != kindRaw {
			return errNode
		}
		content, links = found.data, found.links
	}
	if uint64(len(content)) > u.left.bytes {
		return errors.New("the results have more bytes than their receipt")
	}
	u.left.bytes -= uint64(len(content))
	if _, err := to.Write(content); err != nil {
		return err
	}
	for _, part := range links {
		if err := u.file(part.cid, to, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) node(cid link) (*node, error) {
	if cid.codec() != codecDagPB {
		return nil, errNode
	}
	block, err := u.get(cid)
	if err != nil {
		return nil, err
	}
	return parseNode(block)
}
