package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// State of a job.
type State string

// States of a job that has ended.
const (
	Completed State = "Completed"
	// CompletedPartially: some shards have a result.
	CompletedPartially State = "CompletedPartially"
	Failed             State = "Failed"
	Cancelled          State = "Cancelled"
)

// Ended reports whether a job in this state does not change any more.
func (s State) Ended() bool {
	return s == Completed || s == CompletedPartially || s == Failed || s == Cancelled
}

// Client of a server. It may be used by any number of goroutines.
type Client struct {
	// Token is an access token. Default: none.
	Token string
	// HTTP makes the requests. Set its Transport for a private CA.
	HTTP *http.Client
	// MaxResultBytes bounds the files of results that are fetched. Default 16 GiB.
	MaxResultBytes uint64

	url      string
	identity *Identity
}

// New makes a client of the server at an address such as http://127.0.0.1:1234, which signs with a key.
func New(address string, identity *Identity) *Client {
	return &Client{
		// A request ends by its context. A server that answers elsewhere is not given the token.
		HTTP: &http.Client{CheckRedirect: noRedirect}, MaxResultBytes: 16 << 30, url: strings.TrimRight(address, "/"), identity: identity,
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Submit submits a job and returns its id.
func (c *Client) Submit(ctx context.Context, job Job) (string, error) {
	spec, err := job.spec()
	if err != nil {
		return "", err
	}
	links, err := linked(spec, []string{"engine", "wasm", "job", "profile"}, []string{"engine", "wasm", "job", "module"})
	if err != nil {
		return "", err
	}
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return "", err
	}
	body, err := c.identity.signRequest(spec, links, hex.EncodeToString(nonce[:]))
	if err != nil {
		return "", err
	}
	var answer struct{ ID string }
	asked := request{method: "POST", path: apiPrefix + "/jobs", contentType: "application/json", body: body}
	return answer.ID, c.json(ctx, asked, &answer)
}

// Upload gives a file to the node of the server, which keeps it for some hours, and returns where it is: a module, or the source
// of an input. At most 1 GiB.
func (c *Client) Upload(ctx context.Context, content []byte) (string, error) {
	var archive bytes.Buffer
	root, err := pack(content, &archive)
	if err != nil {
		return "", err
	}
	var answer struct{ Roots []string }
	body := request{method: "POST", path: apiPrefix + "/data", contentType: "application/vnd.ipld.car", body: archive.Bytes()}
	if err := c.json(ctx, body, &answer); err != nil {
		return "", err
	}
	if len(answer.Roots) != 1 || answer.Roots[0] != root.String() {
		return "", fmt.Errorf("%w: the server received other data than was sent", ErrProtocol)
	}
	return "ipfs://" + root.String(), nil
}

// Describe returns the record of a job as the API has it.
func (c *Client) Describe(ctx context.Context, id string) (json.RawMessage, error) {
	var record json.RawMessage
	return record, c.json(ctx, c.about("GET", id, "", "read"), &record)
}

// State returns the state of a job.
func (c *Client) State(ctx context.Context, id string) (State, error) {
	var record struct{ State State }
	err := c.json(ctx, c.about("GET", id, "", "read"), &record)
	return record.State, err
}

// Wait waits until a job has ended, or ctx.
func (c *Client) Wait(ctx context.Context, id string) (State, error) {
	for pause := 50 * time.Millisecond; ; pause += pause / 2 {
		state, err := c.State(ctx, id)
		if err != nil || state.Ended() {
			return state, err
		}
		if pause > 2*time.Second {
			pause = 2 * time.Second
		}
		if err := sleep(ctx, pause); err != nil {
			return state, err
		}
	}
}

// Cancel cancels a job of this client. Cancelling twice is not an error.
func (c *Client) Cancel(ctx context.Context, id string) error {
	var ignored json.RawMessage
	return c.json(ctx, c.about("DELETE", id, "", "cancel"), &ignored)
}

// about is a signed request about a job.
func (c *Client) about(method, id, below, action string) request {
	return request{
		method: method, path: apiPrefix + "/jobs/" + url.PathEscape(id) + below,
		sign: func() (string, error) { return c.identity.signCommand(action, id) },
	}
}
