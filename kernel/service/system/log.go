package system

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/logs"
)

// TailParams select lines of the log.
type TailParams struct {
	// Cursor of an earlier answer asks for what was logged since; without it the newest lines come.
	Cursor *int64 `json:"cursor,omitempty"`
	// Limit is 500 lines when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=5000"`
	// MaxBytes is 250,000 when left out.
	MaxBytes int `json:"maxBytes,omitempty" rpc:"min=1,max=1000000"`
}

// TailResult is a part of the log.
type TailResult struct {
	File   string `json:"file"`
	Cursor int64  `json:"cursor"`
	// Size is the log's, in bytes.
	Size  int64    `json:"size"`
	Lines []string `json:"lines"`
	// Truncated says that there are older lines than limit and maxBytes let through.
	Truncated bool `json:"truncated"`
	// Reset says that lines after the cursor are gone.
	Reset bool `json:"reset"`
}

// Defaults of logs.tail.
const (
	tailLimit = 500
	tailBytes = 250_000
)

// logFile shows the log.
type logFile struct{ log *logs.Log }

func (f logFile) tail(_ context.Context, p TailParams) (TailResult, error) {
	if p.Limit == 0 {
		p.Limit = tailLimit
	}
	if p.MaxBytes == 0 {
		p.MaxBytes = tailBytes
	}
	c := f.log.Tail(p.Cursor, p.Limit, p.MaxBytes)
	if c.Lines == nil {
		c.Lines = []string{}
	}
	return TailResult{File: "memory", Cursor: c.Cursor, Size: c.Size, Lines: c.Lines, Truncated: c.Truncated, Reset: c.Reset}, nil
}
