package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"math/big"
	"strings"
)

const (
	codecRaw   = 0x55
	codecDagPB = 0x70
)

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// link is a CID of version 1 with a SHA-256, in its binary form.
type link string

// CID is the CID of bytes as one raw block: the name of a module in a job.
func CID(content []byte) string { return linkOf(codecRaw, content).String() }

func linkOf(codec byte, content []byte) link {
	digest := sha256.Sum256(content)
	return link(append([]byte{1, codec, 0x12, 32}, digest[:]...))
}

func (l link) String() string { return "b" + lowerBase32.EncodeToString([]byte(l)) }

func (l link) codec() byte { return l[1] }

// isOf reports whether the link is the CID of these bytes.
func (l link) isOf(content []byte) bool { return l == linkOf(l.codec(), content) }

// parseLink reads the text of a CID in base 32.
func parseLink(text string) (link, error) {
	decoded, err := lowerBase32.DecodeString(strings.TrimPrefix(text, "b"))
	if err != nil || !strings.HasPrefix(text, "b") {
		return "", fmt.Errorf("%q is not a CID in base 32", text)
	}
	found, rest, err := readLink(decoded)
	if err != nil || len(rest) != 0 {
		return "", fmt.Errorf("%q is not a CID of version 1 with a SHA-256", text)
	}
	return found, nil
}

// readLink reads a binary CID from the beginning of bytes.
func readLink(from []byte) (link, []byte, error) {
	if len(from) < 36 || from[0] != 1 || from[1] > 0x7f || !bytes.Equal(from[2:4], []byte{0x12, 32}) {
		return "", nil, fmt.Errorf("not a CID of version 1 with a SHA-256")
	}
	return link(from[:36]), from[36:], nil
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func base58(from []byte) string {
	number, digit, base := new(big.Int).SetBytes(from), new(big.Int), big.NewInt(58)
	var reversed []byte
	for number.Sign() > 0 {
		number.DivMod(number, base, digit)
		reversed = append(reversed, base58Digits[digit.Int64()])
	}
	for _, b := range from {
		if b != 0 {
			break
		}
		reversed = append(reversed, base58Digits[0])
	}
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	return string(reversed)
}

// unbase58 is the inverse of base58 for a text that begins with one digit 1, as those of peer IDs do.
func unbase58(text string) ([]byte, bool) {
	number, base := new(big.Int), big.NewInt(58)
	for i := 0; i < len(text); i++ {
		digit := strings.IndexByte(base58Digits, text[i])
		if digit < 0 {
			return nil, false
		}
		number.Add(number.Mul(number, base), big.NewInt(int64(digit)))
	}
	decoded := append([]byte{0}, number.Bytes()...)
	return decoded, base58(decoded) == text
}
