package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 16

// Call posts JSON, with headers that sign may set, and returns the answer; its status is 0 where there is none. Without a client it is
// the usual one.
func Call(ctx context.Context, client *http.Client, url string, body []byte, sign func(http.Header)) (status int, answer []byte) {
	if client == nil {
		client = http.DefaultClient
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	sign(req.Header)
	res, err := client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	answer, _ = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, answer
}

// Body reads what came with a call of which a test server makes something. Where not all of it came, because its sender was killed,
// there was no call: the handler ends, without an answer.
func Body(r io.Reader) []byte {
	b, err := io.ReadAll(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return b
}

// Bearer signs a call with a token, unless it is empty.
func Bearer(token string) func(http.Header) {
	return func(h http.Header) {
		if token != "" {
			h.Set("Authorization", "Bearer "+token)
		}
	}
}

// JSON answers a call with a value of maps, lists, texts and numbers.
func JSON(w http.ResponseWriter, status int, v any) {
	body, _ := json.Marshal(v)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
