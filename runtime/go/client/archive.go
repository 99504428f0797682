package client

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxBlockBytes  = 2 << 20
	maxHeaderBytes = 1 << 20
)

// archive is a CAR file of version 1, read at any place. Blocks are checked when they are read.
type archive struct {
	file   *os.File
	blocks map[link]section
}

type section struct {
	offset int64
	length int
}

// openArchive reads where the blocks of file are.
func openArchive(file *os.File) (*archive, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	reader := &counter{from: bufio.NewReaderSize(file, 1<<16)}
	header, err := binary.ReadUvarint(reader)
	if err != nil || header == 0 || header > maxHeaderBytes {
		return nil, errors.New("the results are not an archive of blocks")
	}
	if err := reader.skip(header); err != nil {
		return nil, err
	}
	found := &archive{file, map[link]section{}}
	for {
		length, err := binary.ReadUvarint(reader)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil || length < 36 || length > maxBlockBytes+36 {
			return nil, fmt.Errorf("the archive is damaged at byte %d", reader.at)
		}
		head := make([]byte, 36)
		if _, err := io.ReadFull(reader, head); err != nil {
			return nil, fmt.Errorf("the archive ends within a block at byte %d", reader.at)
		}
		cid, _, err := readLink(head)
		if err != nil {
			return nil, fmt.Errorf("the archive has a block at byte %d that is %w", reader.at, err)
		}
		found.blocks[cid] = section{reader.at, int(length) - 36}
		if err := reader.skip(length - 36); err != nil {
			return nil, fmt.Errorf("the archive ends within a block at byte %d", reader.at)
		}
	}
}

// get returns the bytes of a block.
func (a *archive) get(cid link) ([]byte, error) {
	at, ok := a.blocks[cid]
	if !ok {
		return nil, fmt.Errorf("the archive lacks the block %s", cid)
	}
	block := make([]byte, at.length)
	if _, err := a.file.ReadAt(block, at.offset); err != nil {
		return nil, err
	}
	if !cid.isOf(block) {
		return nil, fmt.Errorf("the block %s of the archive is damaged", cid)
	}
	return block, nil
}

// counter is a reader that knows its position.
type counter struct {
	from *bufio.Reader
	at   int64
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.from.ReadByte()
	if err == nil {
		c.at++
	}
	return b, err
}

func (c *counter) Read(to []byte) (int, error) {
	read, err := c.from.Read(to)
	c.at += int64(read)
	return read, err
}

func (c *counter) skip(count uint64) error {
	skipped, err := io.CopyN(io.Discard, c.from, int64(count))
	c.at += skipped
	return err
}

// root is the only root in the header of an archive, whose CBOR the server writes: {"roots": [CID], "version": 1}.
func (a *archive) root() (link, error) {
	var head [64]byte
	read, err := a.file.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	// Length, map of 2, "roots", list of 1, tag 42, 37 bytes, 0.
	const before = "\xa2eroots\x81\xd8\x2a\x58\x25\x00"
	if read < 1+len(before)+36 || string(head[1:1+len(before)]) != before {
		return "", errors.New("the archive of the results has not one root")
	}
	cid, _, err := readLink(head[1+len(before) : read])
	return cid, err
}
