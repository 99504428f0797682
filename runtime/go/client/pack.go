package client

import (
	"encoding/binary"
	"fmt"
	"io"
)

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
