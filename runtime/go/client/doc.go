// Package client submits jobs to a bacalhau server and fetches their results, in Go alone: without cgo and without the C
// library. Results are checked: their h1: is that of the receipt, which is signed by the provider and about the submitted job.
//
//	identity, err := client.LoadIdentity("key")
//	c := client.New("http://127.0.0.1:1234", identity)
//	wasm, err := os.ReadFile("count.wasm")
//	source, err := c.Upload(ctx, wasm)
//	id, err := c.Submit(ctx, client.Job{Module: source, ModuleCID: client.CID(wasm)})
//	state, err := c.Wait(ctx, id)
//	fetched, err := c.Fetch(ctx, id, 0, "results")
package client
