package client

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
)

// appendCBOR appends the canonical DAG-CBOR of a value: nil, bool, string, uint64, json.Number, link, []any, map[string]any.
func appendCBOR(to []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return append(to, 0xf6), nil
	case bool:
		if value {
			return append(to, 0xf5), nil
		}
		return append(to, 0xf4), nil
	case string:
		return append(appendHead(to, 3, uint64(len(value))), value...), nil
	case uint64:
		return appendHead(to, 0, value), nil
	case json.Number:
		return appendNumber(to, value)
	case link:
		to = appendHead(append(to, 0xd8, 42), 2, uint64(len(value)+1))
		return append(append(to, 0), value...), nil
	case []any:
		to = appendHead(to, 4, uint64(len(value)))
		for _, element := range value {
			var err error
			if to, err = appendCBOR(to, element); err != nil {
				return nil, err
			}
		}
		return to, nil
	case map[string]any:
		return appendMap(to, value)
	default:
		return nil, fmt.Errorf("a value of the type %T has no encoding", value)
	}
}

func appendMap(to []byte, value map[string]any) ([]byte, error) {
	keys := make([]string, 0, len(value))
	for key := range value {
		keys = append(keys, key)
	}
	// Shorter keys first, as DAG-CBOR has it.
	sort.Slice(keys, func(i, j int) bool {
		if len(keys[i]) != len(keys[j]) {
			return len(keys[i]) < len(keys[j])
		}
		return keys[i] < keys[j]
	})
	to = appendHead(to, 5, uint64(len(keys)))
	for _, key := range keys {
		var err error
		to = append(appendHead(to, 3, uint64(len(key))), key...)
		if to, err = appendCBOR(to, value[key]); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func appendNumber(to []byte, number json.Number) ([]byte, error) {
	if positive, err := strconv.ParseUint(number.String(), 10, 64); err == nil {
		return appendHead(to, 0, positive), nil
	}
	negative, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s is not an integer of 64 bits", number)
	}
	return appendHead(to, 1, uint64(-(negative + 1))), nil
}

func appendHead(to []byte, kind byte, number uint64) []byte {
	kind <<= 5
	switch {
	case number < 24:
		return append(to, kind|byte(number))
	case number < 1<<8:
		return append(to, kind|24, byte(number))
	case number < 1<<16:
		return binary.BigEndian.AppendUint16(append(to, kind|25), uint16(number))
	case number < 1<<32:
		return binary.BigEndian.AppendUint32(append(to, kind|26), uint32(number))
	default:
		return binary.BigEndian.AppendUint64(append(to, kind|27), number)
	}
}
