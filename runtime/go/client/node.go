package client

import (
	"encoding/binary"
	"errors"
)

// Kinds of UnixFS nodes.
const (
	kindRaw       = 0
	kindDirectory = 1
	kindFile      = 2
	kindShard     = 5
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
