package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server starts three nodes of this machine, and returns the address of the first.
func server(t *testing.T) string {
	t.Helper()
	command := os.Getenv("BACALHAU")
	if command == "" {
		t.Skip("BACALHAU names no command")
	}
	dir := t.TempDir()
	said, err := os.Create(filepath.Join(dir, "addresses"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	nodes := exec.Command(command, "devstack", "--nodes", "3", "--job-selection-data-locality", "anywhere", "--output", "json")
	nodes.Env = append(os.Environ(), "HOME="+dir, "BACALHAU_DIR="+filepath.Join(dir, "data"))
	nodes.Dir, nodes.Stdout, nodes.Stderr = dir, said, &log
	if err := nodes.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nodes.Process.Signal(os.Interrupt)
		_ = nodes.Wait()
		said.Close()
	})
	var found struct{ Nodes []struct{ API string } }
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		text, _ := os.ReadFile(said.Name())
		if json.Unmarshal(text, &found) == nil && len(found.Nodes) > 0 {
			return found.Nodes[0].API
		}
		if time.Now().After(end) {
			t.Fatalf("the nodes do not start: %s", log.String())
		}
	}
}

// changing is a server that changes the answers of another one whose path has this end.
func changing(t *testing.T, to, end string, change func([]byte) []byte) string {
	t.Helper()
	address, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(address)
	proxy.ModifyResponse = func(answer *http.Response) error {
		if !strings.HasSuffix(answer.Request.URL.Path, end) {
			return nil
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		body = change(body)
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer.Header.Set("content-length", "")
		answer.Header.Del("content-length")
		return nil
	}
	changed := httptest.NewServer(proxy)
	t.Cleanup(changed.Close)
	return changed.URL
}

func replaced(old, new string) func([]byte) []byte {
	return func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(new)) }
}

func TestAJobOnAServerIsSubmittedAndItsResultsAreChecked(t *testing.T) {
	address := server(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	identity, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	c := New(address, identity)
	input, err := c.Upload(ctx, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	// Larger than a block.
	large, err := c.Upload(ctx, bytes.Repeat([]byte("large"), 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	// Counts the words of the files at /inputs.
	wasm, err := os.ReadFile("../../../wasm-examples/modules/word-count.wasm")
	if err != nil {
		t.Fatal(err)
	}
	source, err := c.Upload(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	job := Job{
		Module: source, ModuleCID: CID(wasm), Args: []string{"--top", "3"}, Env: map[string]string{"A": "b"}, Seed: 7,
		Inputs: map[string]string{"/inputs/a": input, "/inputs/large": large},
		Limits: map[string]uint64{"fuel": 1_000_000_000}, Confidence: 2, Private: true, Labels: []string{"go"}, VerifiedInputs: true,
	}
	id, err := c.Submit(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := c.Wait(ctx, id); err != nil || state != Completed {
		record, _ := c.Describe(ctx, id)
		t.Fatalf("%s: %v: %s", state, err, record)
	}
	results := filepath.Join(t.TempDir(), "results")
	fetched, err := c.Fetch(ctx, id, 0, results)
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := os.ReadFile(filepath.Join(results, "stdout"))
	if err != nil || !strings.Contains(string(stdout), "content") {
		t.Fatalf("stdout is %q: %v", stdout, err)
	}
	if h1, err := DirHash(results, "results"); err != nil || h1 != fetched.Receipt.Claim.H1 {
		t.Fatal(h1, err)
	}
	if _, err := c.Fetch(ctx, id, 0, results); !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	if err := c.Cancel(ctx, id); err == nil {
		t.Fatal("an ended job was cancelled")
	}

	// Another client does not see private data.
	stranger, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var answered *APIError
	if _, err := New(address, stranger).Fetch(ctx, id, 0, results+"2"); err == nil {
		t.Fatal("a stranger has fetched private results")
	}
	if _, err := c.State(ctx, strings.Repeat("b", 32)); !errors.As(err, &answered) || answered.Status != 404 {
		t.Fatal(err)
	}

	// A server that lies.
	for name, lie := range map[string]struct {
		end    string
		change func([]byte) []byte
		words  string
	}{
		"another file":    {"/results/0", replaced("content", "contest"), "is damaged"},
		"a shorter file":  {"/results/0", func(body []byte) []byte { return body[:len(body)-1] }, "ends within a block"},
		"no results":      {"/results/0", func([]byte) []byte { return nil }, "not an archive"},
		"more fuel":       {"/results", replaced(`"fuel":1000000000`, `"fuel":1000000001`), "the receipt names the job"},
		"another outcome": {"/results", replaced(`"outcome":{"exit":0}`, `"outcome":{"exit":1}`), "is not of this claim"},
		"another job":     {"/" + id, replaced(`"seed":7`, `"seed":8`), "its seed is 7, not 8"},
	} {
		liar := New(changing(t, address, lie.end, lie.change), identity)
		dir := filepath.Join(t.TempDir(), "results")
		if _, err := liar.Fetch(ctx, id, 0, dir); !errors.Is(err, ErrVerification) || !strings.Contains(err.Error(), lie.words) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 0 {
			t.Errorf("%s: it left %v", name, left)
		}
	}

	// A job that no provider can get the module of.
	id, err = c.Submit(ctx, Job{Module: "http://127.0.0.1:1/no.wasm", ModuleCID: CID([]byte("x")), Concurrency: 1})
	if err == nil {
		var state State
		if state, err = c.Wait(ctx, id); err == nil && state != Failed {
			t.Fatal(state)
		}
		_, err = c.Fetch(ctx, id, 0, filepath.Join(t.TempDir(), "results"))
	}
	if !errors.Is(err, ErrJobFailed) {
		t.Fatal(err)
	}
}

func TestKeysAreThoseOfTheCommand(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	first, err := LoadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadIdentity(path)
	if err != nil || again.PeerID() != first.PeerID() {
		t.Fatal(err)
	}
	if key, ok := keyOf(first.PeerID()); !ok || !bytes.Equal(key, first.publicKey()[4:]) {
		t.Fatal("a peer ID does not hold its key")
	}
	if !strings.HasPrefix(first.PeerID(), "12D3Koo") {
		t.Fatal(first.PeerID())
	}
	for name, words := range map[string]string{"key": "accessible to other users", "damaged": "holds no ed25519 key"} {
		path := filepath.Join(dir, name)
		if name == "key" {
			err = os.Chmod(path, 0o644)
		} else {
			err = os.WriteFile(path, []byte("x"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := LoadIdentity(path); err == nil || !strings.Contains(err.Error(), words) {
			t.Error(name, err)
		}
	}
}

func TestCanonicalEncoding(t *testing.T) {
	cid := linkOf(codecRaw, nil)
	value := map[string]any{
		"bb": []any{uint64(24), json.Number("-1"), nil, true}, "a": cid, "c": "ü", "ab": map[string]any{}, "z": json.Number("65536"),
	}
	encoded, err := appendCBOR(nil, value)
	want := "\xa5\x61a\xd8\x2a\x58\x25\x00" + string(cid) + "\x61c\x62ü\x61z\x1a\x00\x01\x00\x00\x62ab\xa0\x62bb\x84\x18\x18\x20\xf6\xf5"
	if err != nil || string(encoded) != want {
		t.Fatalf("%x: %v", encoded, err)
	}
	if _, err := appendCBOR(nil, json.Number("1.5")); err == nil {
		t.Fatal("a fraction was encoded")
	}
	if cid.String() != "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" {
		t.Fatal(cid)
	}
}

func TestArchivesAreUnpackedAsTheyWerePacked(t *testing.T) {
	dir := t.TempDir()
	for _, content := range [][]byte{nil, []byte("small"), bytes.Repeat([]byte("0123456789"), 300_000)} {
		file, err := os.CreateTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		root, err := pack(content, file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := openArchive(file)
		if err != nil {
			t.Fatal(err)
		}
		if named, err := found.root(); err != nil || named != root {
			t.Fatal(named, err)
		}
		target := file.Name() + ".out"
		if err := unpack(found, root, target, bounds{uint64(len(content)), 1, 10}); err != nil {
			t.Fatal(err)
		}
		if read, err := os.ReadFile(target); err != nil || !bytes.Equal(read, content) {
			t.Fatal(len(read), err)
		}
		if len(content) > 0 {
			if err := unpack(found, root, target+"2", bounds{uint64(len(content)) - 1, 1, 10}); err == nil || !strings.Contains(err.Error(), "more bytes") {
				t.Fatal(err)
			}
		}
	}
}

func TestHostileNodesAreRefused(t *testing.T) {
	raw := []byte(linkOf(codecRaw, []byte("x")))
	named := func(kind uint64, name string) []byte {
		entry := appendField(appendField(nil, 1, raw), 2, []byte(name))
		return appendField(appendField(nil, 2, entry), 1, appendInteger(appendInteger(nil, 1, kind), 6, 256))
	}
	cases := map[string][]byte{
		"a parent": named(kindDirectory, ".."), "a path": named(kindDirectory, "a/b"), "no name": named(kindDirectory, ""),
		"a short name of a shard": named(kindShard, "A"), "a parent in a shard": named(kindShard, "A0.."),
		"a link": named(4, "a"), "no data": appendField(nil, 2, appendField(nil, 1, raw)), "an open field": {0x0a, 5, 1},
		"a long number": bytes.Repeat([]byte{0xff}, 11),
	}
	for name, block := range cases {
		root := linkOf(codecDagPB, block)
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		archive := bytes.NewBuffer([]byte{1, 0xa0})
		for cid, content := range map[link][]byte{root: block, link(raw): []byte("x")} {
			archive.WriteByte(byte(36 + len(content)))
			archive.WriteString(string(cid) + string(content))
		}
		if _, err := archive.WriteTo(file); err != nil {
			t.Fatal(err)
		}
		found, err := openArchive(file)
		if err != nil {
			t.Fatal(name, err)
		}
		dir := filepath.Join(t.TempDir(), "out")
		if err := unpack(found, root, dir, boundsOf(nil)); err == nil {
			t.Error(name, "was unpacked")
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(dir), "b")); err == nil {
			t.Error(name, "has written outside")
		}
	}
}

// Small archives with very large trees.
func TestBombsAreNotUnpacked(t *testing.T) {
	for name, of := range map[string]struct {
		kind  uint64
		names []string
		words string
	}{
		"directories": {kindDirectory, []string{"a", "b"}, "more files and directories"},
		"shards":      {kindShard, []string{"00", "01"}, "more often than its files need"},
		"files":       {kindFile, []string{"", ""}, "more often than its files need"},
	} {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		archive := bytes.NewBuffer([]byte{1, 0xa0})
		block := appendField(nil, 1, appendInteger(appendInteger(nil, 1, of.kind), 6, 256))
		var root link
		for level := 0; level < 40; level++ {
			root = linkOf(codecDagPB, block)
			archive.Write(binary.AppendUvarint(nil, uint64(36+len(block))))
			archive.WriteString(string(root) + string(block))
			var links []byte
			for _, name := range of.names {
				links = appendField(links, 2, appendField(appendField(nil, 1, []byte(root)), 2, []byte(name)))
			}
			block = appendField(links, 1, appendInteger(appendInteger(nil, 1, of.kind), 6, 256))
		}
		if _, err := archive.WriteTo(file); err != nil {
			t.Fatal(err)
		}
		found, err := openArchive(file)
		if err != nil {
			t.Fatal(err)
		}
		left := bounds{bytes: 100, entries: 100, blocks: 1000}
		if err := unpack(found, root, filepath.Join(t.TempDir(), "out"), left); err == nil || !strings.Contains(err.Error(), of.words) {
			t.Error(name, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, asked *http.Request) {
		t.Errorf("another server was asked with the token %q", asked.Header.Get("bacalhau-token"))
	}))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	identity, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	c := New(server.URL, identity)
	c.Token = "secret"
	if _, err := c.State(context.Background(), strings.Repeat("a", 32)); !errors.Is(err, ErrProtocol) {
		t.Fatal(err)
	}
}
