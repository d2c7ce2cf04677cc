package system

import "context"

type tailParams struct {
	Cursor   *int64 `json:"cursor"`
	Limit    int    `json:"limit" rpc:"min=1,max=5000"`
	MaxBytes int    `json:"maxBytes" rpc:"min=1,max=1000000"`
}

type tailResult struct {
	File      string   `json:"file"`
	Cursor    int64    `json:"cursor"`
	Size      int64    `json:"size"`
	Lines     []string `json:"lines"`
	Truncated bool     `json:"truncated"`
	Reset     bool     `json:"reset"`
}

// Defaults of logs.tail.
const (
	tailLimit = 500
	tailBytes = 250_000
)

func (s *Service) tail(_ context.Context, p tailParams) (tailResult, error) {
	if p.Limit == 0 {
		p.Limit = tailLimit
	}
	if p.MaxBytes == 0 {
		p.MaxBytes = tailBytes
	}
	c := s.Log.Tail(p.Cursor, p.Limit, p.MaxBytes)
	if c.Lines == nil {
		c.Lines = []string{}
	}
	return tailResult{File: "memory", Cursor: c.Cursor, Size: c.Size, Lines: c.Lines, Truncated: c.Truncated, Reset: c.Reset}, nil
}
