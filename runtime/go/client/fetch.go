package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Of an archive beside the bytes of files: blocks and their names.
const (
	archiveFloorBytes = 1 << 20
	archiveNameBytes  = 64 << 10
)

// Fetched are results of a shard that were fetched and checked.
type Fetched struct {
	// Dir is the results directory.
	Dir string
	// Receipt is that of the provider whose results these are, and who has signed it.
	Receipt *Receipt
	// Provider is the peer ID of the provider.
	Provider string
}

// Fetch fetches the results of a shard into the new directory dir, and checks them: their hash is that of the receipt, the
// receipt is signed by the provider that the server names, and it is about the program and arguments of the job. An error is
// ErrJobFailed if there is no result, and ErrVerification if a check fails; dir does not exist then.
func (c *Client) Fetch(ctx context.Context, id string, shard int, dir string) (*Fetched, error) {
	if _, err := os.Lstat(dir); err == nil {
		return nil, fmt.Errorf("%s: %w: name another place", dir, fs.ErrExist)
	}
	receipt, provider, err := c.result(ctx, id, shard)
	if err != nil {
		return nil, err
	}
	record, err := c.Describe(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := receipt.isAbout(record); err != nil {
		return nil, err
	}
	var size uint64
	for _, file := range receipt.Claim.Files {
		if size += file.Bytes; file.Bytes > c.MaxResultBytes || size > c.MaxResultBytes {
			return nil, fmt.Errorf("the results have more than %d bytes: raise MaxResultBytes", c.MaxResultBytes)
		}
	}
	staging, err := os.MkdirTemp(filepath.Dir(dir), ".bacalhau-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(staging)
	results := filepath.Join(staging, "results")
	if err := c.fetch(ctx, id, shard, receipt, size, filepath.Join(staging, "archive"), results); err != nil {
		return nil, err
	}
	return &Fetched{dir, receipt, provider}, os.Rename(results, dir)
}

// result is the receipt of a shard, signed by the provider.
func (c *Client) result(ctx context.Context, id string, shard int) (*Receipt, string, error) {
	var found struct {
		Shards []struct {
			State, Why, Peer string
			Receipt          json.RawMessage
		}
	}
	if err := c.json(ctx, c.about("GET", id, "/results", "read"), &found); err != nil {
		return nil, "", err
	}
	if shard < 0 || shard >= len(found.Shards) {
		return nil, "", fmt.Errorf("the job has no shard %d: it has %d", shard, len(found.Shards))
	}
	result := found.Shards[shard]
	if len(result.Receipt) == 0 || string(result.Receipt) == "null" || result.Peer == "" {
		return nil, "", fmt.Errorf("%w: shard %d is %s: %s", ErrJobFailed, shard, result.State, or(result.Why, "no reason given"))
	}
	receipt, err := ParseReceipt(result.Receipt)
	if err != nil {
		return nil, "", err
	}
	for _, signer := range receipt.Signers {
		if signer == result.Peer {
			return receipt, result.Peer, nil
		}
	}
	return nil, "", fmt.Errorf("%w: the receipt is not signed by its provider %s", ErrVerification, result.Peer)
}

func (c *Client) fetch(ctx context.Context, id string, shard int, receipt *Receipt, size uint64, archive, results string) error {
	answer, err := c.send(ctx, c.about("GET", id, "/results/"+strconv.Itoa(shard), "read"))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	h1 := receipt.Claim.H1
	if announced := answer.Header.Get("bacalhau-h1"); announced != h1 {
		return fmt.Errorf("%w: the server announces results with the hash %s, and the receipt has %s", ErrVerification, announced, h1)
	}
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	most := int64(size + size/16 + uint64(len(receipt.Claim.Files))*archiveNameBytes + archiveFloorBytes)
	written, err := io.Copy(file, io.LimitReader(answer.Body, most+1))
	if err != nil {
		return err
	}
	if written > most {
		return fmt.Errorf("%w: the archive of the results is larger than %d bytes", ErrVerification, most)
	}
	blocks, err := openArchive(file)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrVerification, err)
	}
	root, err := blocks.root()
	if err != nil {
		return fmt.Errorf("%w: %v", ErrVerification, err)
	}
	if err := unpack(blocks, root, results, boundsOf(receipt.Claim.Files)); err != nil {
		return fmt.Errorf("%w: %v", ErrVerification, err)
	}
	found, err := DirHash(results, "results")
	if err != nil {
		return fmt.Errorf("%w: %v", ErrVerification, err)
	}
	if found != h1 {
		return fmt.Errorf("%w: the results have the hash %s, and the receipt has %s", ErrVerification, found, h1)
	}
	return nil
}
