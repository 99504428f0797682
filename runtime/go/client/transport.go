package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	apiPrefix      = "/api/v1"
	apiVersion     = "1"
	maxAnswerBytes = 256 << 20
	maxErrorBytes  = 64 << 10
	firstPause     = 250 * time.Millisecond
	longestPause   = 8 * time.Second
	mostBroken     = 4
)

var (
	// ErrVerification: results or a receipt are not what they claim to be.
	ErrVerification = errors.New("verification failed")
	// ErrJobFailed: the job has ended without a result.
	ErrJobFailed = errors.New("the job has no result")
	// ErrProtocol: the server is not a bacalhau server, or sent something invalid.
	ErrProtocol = errors.New("invalid answer")
)

// APIError is an error that the server answered.
type APIError struct {
	// Status of HTTP.
	Status int
	// Code is stable, such as "not-found".
	Code string
	// Message says what failed; Hint what to do, if the server knows.
	Message, Hint string
	retryAfter    time.Duration
}

func (e *APIError) Error() string {
	text := e.Message
	if text == "" {
		text = fmt.Sprintf("the server answered %d", e.Status)
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// request is repeated as it is: all requests are idempotent.
type request struct {
	method, path string
	query        url.Values
	contentType  string
	body         []byte
	// sign makes the header of each attempt, since it has a time.
	sign func() (string, error)
}

// send returns a successful answer, whose body the caller closes. Where a server is busy or a connection closes, it tries
// again until ctx ends.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	pause, broken := firstPause, 0
	for {
		answer, err := c.once(ctx, r)
		if err == nil {
			return answer, nil
		}
		wait := pause
		var answered *APIError
		switch {
		case errors.As(err, &answered):
			if answered.Status != http.StatusTooManyRequests && answered.Status != http.StatusServiceUnavailable {
				return nil, err
			}
			if answered.retryAfter > wait {
				wait = answered.retryAfter
			}
		case errors.Is(err, ErrProtocol) || broken == mostBroken:
			return nil, err
		default:
			broken++
		}
		if sleep(ctx, wait) != nil {
			return nil, err
		}
		if pause *= 2; pause > longestPause {
			pause = longestPause
		}
	}
}

func (c *Client) once(ctx context.Context, r request) (*http.Response, error) {
	target := c.url + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	asked, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	if r.contentType != "" {
		asked.Header.Set("content-type", r.contentType)
	}
	if c.Token != "" {
		asked.Header.Set("bacalhau-token", c.Token)
	}
	if r.sign != nil {
		header, err := r.sign()
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		asked.Header.Set("authorization", header)
	}
	answer, err := c.HTTP.Do(asked)
	if err != nil {
		return nil, err
	}
	if version := answer.Header.Get("bacalhau-api"); version != apiVersion {
		answer.Body.Close()
		return nil, fmt.Errorf("%w: %s has version %q of the API, and this package has %s", ErrProtocol, c.url, version, apiVersion)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		defer answer.Body.Close()
		return nil, errorOf(answer)
	}
	return answer, nil
}

func errorOf(answer *http.Response) error {
	failed := &APIError{Status: answer.StatusCode}
	var said struct{ Message, Code, Hint string }
	// Without a usable body, the status is enough.
	if body, err := readAll(answer.Body, maxErrorBytes); err == nil && json.Unmarshal(body, &said) == nil {
		failed.Message, failed.Code, failed.Hint = said.Message, said.Code, said.Hint
	}
	if seconds, err := strconv.ParseUint(answer.Header.Get("retry-after"), 10, 16); err == nil {
		failed.retryAfter = time.Duration(seconds) * time.Second
	}
	return failed
}

// json decodes the answer into value. Numbers of untyped values are json.Number.
func (c *Client) json(ctx context.Context, r request, value any) error {
	answer, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := readAll(answer.Body, maxAnswerBytes)
	if err != nil {
		return err
	}
	return decode(body, value)
}

func decode(text []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(value); err != nil {
		return fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	return nil
}

func readAll(from io.Reader, most int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(body)) > most {
		err = fmt.Errorf("%w: it is larger than %d bytes", ErrProtocol, most)
	}
	return body, err
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
