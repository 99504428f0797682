package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Kinds of UnixFS nodes.
const (
	kindRaw       = 0
	kindDirectory = 1
	kindFile      = 2
	kindShard     = 5
)

const (
	maxDepth   = 256
	chunkBytes = 1 << 20
	// maxLinks is the most links of a node that this package writes.
	maxLinks = 1024
)

var errNode = errors.New("a block of the archive is not a node of UnixFS")

// node is a block of UnixFS.
type node struct {
	kind   uint64
	data   []byte
	fanout uint64
	links  []nodeLink
}

type nodeLink struct {
	name string
	cid  link
}

// unpack writes the directory root to the new directory dir. most bounds the bytes of all files.
func unpack(from *archive, root link, dir string, most uint64) error {
	return (&unpacking{from, most}).entry(root, dir, 0)
}

type unpacking struct {
	from *archive
	left uint64
}

func (u *unpacking) entry(cid link, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s is nested deeper than %d directories", path, maxDepth)
	}
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
		if shards > 64 || dir.fanout < 8 || dir.fanout > 1024 {
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
		block, err := u.from.get(cid)
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
	if uint64(len(content)) > u.left {
		return errors.New("the results have more bytes than their receipt")
	}
	u.left -= uint64(len(content))
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
	block, err := u.from.get(cid)
	if err != nil {
		return nil, err
	}
	return parseNode(block)
}

// parseNode reads the protobuf of a DAG-PB node with UnixFS in it.
func parseNode(block []byte) (*node, error) {
	found, hasData := &node{}, false
	err := fields(block, func(number int, value uint64, content []byte) error {
		switch number {
		case 1:
			hasData = true
			return fields(content, func(number int, value uint64, content []byte) error {
				switch number {
				case 1:
					found.kind = value
				case 2:
					found.data = content
				case 6:
					found.fanout = value
				}
				return nil
			})
		case 2:
			var entry nodeLink
			err := fields(content, func(number int, _ uint64, content []byte) error {
				var err error
				switch number {
				case 1:
					entry.cid, _, err = readLink(content)
				case 2:
					entry.name = string(content)
				}
				return err
			})
			if err == nil && entry.cid == "" {
				err = errNode
			}
			found.links = append(found.links, entry)
			return err
		}
		return nil
	})
	if err == nil && !hasData {
		err = errNode
	}
	return found, err
}

// fields calls each with the number of each field of a protobuf, and its integer or bytes.
func fields(message []byte, each func(number int, value uint64, content []byte) error) error {
	for len(message) > 0 {
		key, length := binary.Uvarint(message)
		if length <= 0 || key>>3 > 64 {
			return errNode
		}
		message = message[length:]
		value, length := binary.Uvarint(message)
		if length <= 0 {
			return errNode
		}
		message = message[length:]
		var content []byte
		switch key & 7 {
		case 0:
		case 2:
			if value > uint64(len(message)) {
				return errNode
			}
			content, message = message[:value], message[value:]
		default:
			return errNode
		}
		if err := each(int(key>>3), value, content); err != nil {
			return err
		}
	}
	return nil
}

func appendField(to []byte, number int, content []byte) []byte {
	to = binary.AppendUvarint(append(to, byte(number<<3|2)), uint64(len(content)))
	return append(to, content...)
}

func appendInteger(to []byte, number int, value uint64) []byte {
	return binary.AppendUvarint(append(to, byte(number<<3)), value)
}

// pack writes content as an archive with a UnixFS file, and returns its root.
func pack(content []byte, to io.Writer) (link, error) {
	var blocks [][]byte
	var cids []link
	if len(content) <= chunkBytes {
		blocks, cids = [][]byte{content}, []link{linkOf(codecRaw, content)}
	} else {
		file := appendInteger(appendInteger(nil, 1, kindFile), 3, uint64(len(content)))
		var links []byte
		for rest := content; len(rest) > 0; {
			length := chunkBytes
			if length > len(rest) {
				length = len(rest)
			}
			chunk := rest[:length]
			rest = rest[length:]
			cid := linkOf(codecRaw, chunk)
			entry := appendInteger(appendField(appendField(nil, 1, []byte(cid)), 2, nil), 3, uint64(length))
			links = appendField(links, 2, entry)
			file = appendInteger(file, 4, uint64(length))
			blocks, cids = append(blocks, chunk), append(cids, cid)
		}
		if len(cids) > maxLinks {
			return "", fmt.Errorf("%d bytes are more than the %d that are uploaded", len(content), maxLinks*chunkBytes)
		}
		root := appendField(links, 1, file)
		blocks, cids = append(blocks, root), append(cids, linkOf(codecDagPB, root))
	}
	root := cids[len(cids)-1]
	header, err := appendCBOR(nil, map[string]any{"roots": []any{root}, "version": uint64(1)})
	if err != nil {
		return "", err
	}
	written := append(binary.AppendUvarint(nil, uint64(len(header))), header...)
	for i, block := range blocks {
		written = binary.AppendUvarint(written, uint64(len(cids[i])+len(block)))
		written = append(append(written, cids[i]...), block...)
		if _, err := to.Write(written); err != nil {
			return "", err
		}
		written = written[:0]
	}
	return root, nil
}
