package client

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
)

const codecDagCBOR = 0x71

// Receipt is the record of a run, whose signatures are checked.
type Receipt struct {
	Claim Claim `json:"claim"`
	// Signers are the peer IDs of those who have signed the claim.
	Signers []string `json:"-"`
	// JSON is the whole receipt.
	JSON []byte `json:"-"`
}

// Claim is the part of a receipt that is equal on every machine.
type Claim struct {
	Job     json.RawMessage `json:"job"`
	JobCID  string          `json:"job_cid"`
	Outcome json.RawMessage `json:"outcome"`
	Fuel    uint64          `json:"fuel"`
	// H1 is Go's dirhash of the results directory with the prefix "results".
	H1    string       `json:"h1"`
	Files []ResultFile `json:"files"`
}

// ParseReceipt reads the JSON of a receipt. An error is ErrVerification if a signature is not of its claim, or its job is not
// the one that it names.
func ParseReceipt(text []byte) (*Receipt, error) {
	receipt := &Receipt{JSON: append([]byte(nil), text...)}
	var written struct {
		Claim      any
		Signatures []struct{ Signer, Signature string }
	}
	if err := decode(text, receipt); err != nil {
		return nil, err
	}
	if err := decode(text, &written); err != nil {
		return nil, err
	}
	claim, err := linked(written.Claim, []string{"job", "profile"}, []string{"job", "module"}, []string{"job_cid"})
	if err != nil {
		return nil, fmt.Errorf("%w: not a receipt: %v", ErrProtocol, err)
	}
	job, err := appendCBOR(nil, claim.(map[string]any)["job"])
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	if named := linkOf(codecDagCBOR, job).String(); named != receipt.Claim.JobCID {
		return nil, fmt.Errorf("%w: the receipt names the job %s, and has %s", ErrVerification, receipt.Claim.JobCID, named)
	}
	signed, err := appendCBOR([]byte(receiptContext), claim)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	for _, by := range written.Signatures {
		key, ok := keyOf(by.Signer)
		signature, err := hex.DecodeString(by.Signature)
		if !ok || err != nil || !ed25519.Verify(key, signed, signature) {
			return nil, fmt.Errorf("%w: the signature of %q is not of this claim", ErrVerification, by.Signer)
		}
		receipt.Signers = append(receipt.Signers, by.Signer)
	}
	return receipt, nil
}

// isAbout reports an error if the receipt is about another program or other arguments than the record of a job.
func (r *Receipt) isAbout(record []byte) error {
	var described struct {
		Job struct {
			Request struct {
				Request struct {
					Spec struct {
						Engine struct {
							Wasm *struct{ Job map[string]any }
						}
					}
				}
			}
		}
	}
	var run map[string]any
	if err := decode(record, &described); err != nil {
		return err
	}
	if err := decode(r.Claim.Job, &run); err != nil {
		return err
	}
	asked := described.Job.Request.Request.Spec.Engine.Wasm
	if asked == nil {
		return fmt.Errorf("%w: the job is not one of a WebAssembly program that this client may see", ErrProtocol)
	}
	for key, value := range asked.Job {
		// Those of the receipt are filled in.
		if key != "inputs" && !reflect.DeepEqual(run[key], value) {
			return fmt.Errorf("%w: the receipt is about another job: its %s is %v, not %v", ErrVerification, key, run[key], value)
		}
	}
	return nil
}
