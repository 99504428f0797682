package client

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// How libp2p encodes ed25519 keys, and peer IDs that hold one.
var (
	publicPrefix  = []byte{8, 1, 0x12, 32}
	privatePrefix = []byte{8, 1, 0x12, 64}
	peerPrefix    = []byte{0, 36}
)

const (
	requestContext = "bacalhau job request 1\n"
	commandContext = "bacalhau api command 1\n"
	receiptContext = "bacalhau receipt 1\n"
)

// Identity is the key of a client. It signs jobs, and later commands about them.
type Identity struct{ key ed25519.PrivateKey }

// NewIdentity makes a key, which ends with the process.
func NewIdentity() (*Identity, error) {
	_, key, err := ed25519.GenerateKey(nil)
	return &Identity{key}, err
}

// LoadIdentity reads the key in a file of the command, which is made if it is missing, readable only by its owner.
func LoadIdentity(path string) (*Identity, error) {
	encoded, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createIdentity(path)
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is accessible to other users: chmod 600 it", path)
	}
	seed := bytes.TrimPrefix(encoded, privatePrefix)
	if len(encoded) != len(privatePrefix)+ed25519.PrivateKeySize || len(seed) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("%s holds no ed25519 key", path)
	}
	key := ed25519.NewKeyFromSeed(seed[:ed25519.SeedSize])
	if !bytes.Equal(key, seed) {
		return nil, fmt.Errorf("%s is damaged: its public key is not that of its private key", path)
	}
	return &Identity{key}, nil
}

func createIdentity(path string) (*Identity, error) {
	identity, err := NewIdentity()
	if err != nil {
		return nil, err
	}
	// 0600, as os.CreateTemp makes files.
	file, err := os.CreateTemp(filepath.Dir(path), ".bacalhau-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(append([]byte{}, privatePrefix...), identity.key...))
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	// Fails if another process was quicker: then its key counts.
	if err := os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
		return LoadIdentity(path)
	} else if err != nil {
		return nil, err
	}
	return identity, nil
}

func (i *Identity) publicKey() []byte {
	return append(append([]byte{}, publicPrefix...), i.key.Public().(ed25519.PublicKey)...)
}

// PeerID is the name of the key.
func (i *Identity) PeerID() string {
	return base58(append(append([]byte{}, peerPrefix...), i.publicKey()...))
}

// keyOf is the key in a peer ID.
func keyOf(peer string) (ed25519.PublicKey, bool) {
	decoded, ok := unbase58(peer)
	prefix := append(append([]byte{}, peerPrefix...), publicPrefix...)
	if !ok || len(decoded) != len(prefix)+ed25519.PublicKeySize || !bytes.HasPrefix(decoded, prefix) {
		return nil, false
	}
	return decoded[len(prefix):], true
}

func (i *Identity) sign(context string, value any) (string, error) {
	encoded, err := appendCBOR([]byte(context), value)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(ed25519.Sign(i.key, encoded)), nil
}

// signRequest is the body that submits a job. links is spec with CIDs as links.
func (i *Identity) signRequest(spec, links any, nonce string) ([]byte, error) {
	signature, err := i.sign(requestContext, map[string]any{"spec": links, "nonce": nonce})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"request":    map[string]any{"spec": spec, "nonce": nonce},
		"client_key": hex.EncodeToString(i.publicKey()),
		"signature":  signature,
	})
}

// signCommand is the header that authenticates a request about a job.
func (i *Identity) signCommand(action, job string) (string, error) {
	command := map[string]any{"action": action, "job": job, "at_ms": uint64(time.Now().UnixMilli())}
	signature, err := i.sign(commandContext, command)
	if err != nil {
		return "", err
	}
	signed, err := json.Marshal(map[string]any{
		"command": command, "client_key": hex.EncodeToString(i.publicKey()), "signature": signature,
	})
	return "Bacalhau " + base64.RawURLEncoding.EncodeToString(signed), err
}
