package session

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// PreviewParams names sessions and how much to show of each.
type PreviewParams struct {
	Keys []string `json:"keys" rpc:"required,min=1,max=200"`
	// Limit is the most lines of each; 12 when left out, at most 100.
	Limit int `json:"limit,omitempty" rpc:"min=1"`
	// MaxChars bounds a line, in bytes; 240 when left out, at most 4,000.
	MaxChars int `json:"maxChars,omitempty" rpc:"min=20"`
}

// PreviewResult has one preview for each key, in order.
type PreviewResult struct {
	Ts       int64     `json:"ts"`
	Previews []Preview `json:"previews"`
}

// Preview is the end of one session. Status is ok, empty, missing or error.
type Preview struct {
	Key    string        `json:"key"`
	Status string        `json:"status" rpc:"enum=ok|empty|missing|error"`
	Items  []PreviewItem `json:"items"`
}

// PreviewItem is one line of a preview.
type PreviewItem struct {
	// Role is system, user, assistant or tool.
	Role string `json:"role"`
	Text string `json:"text"`
}

func (s *Service) preview(ctx context.Context, p PreviewParams) (PreviewResult, error) {
	res := PreviewResult{Ts: time.Now().UnixMilli(), Previews: []Preview{}}
	limit, chars := 12, 240
	if p.Limit > 0 {
		limit = min(p.Limit, 100)
	}
	if p.MaxChars > 0 {
		chars = min(p.MaxChars, 4000)
	}
	err := s.store.View(ctx, func(tx store.Tx) error {
		for _, text := range p.Keys {
			res.Previews = append(res.Previews, s.previewOne(tx, text, limit, chars))
		}
		return nil
	})
	return res, err
}

func (s *Service) previewOne(tx store.Tx, text string, limit, chars int) Preview {
	out := Preview{Key: text, Status: "missing", Items: []PreviewItem{}}
	key, err := s.Settings().ParseKey(text, "")
	if err != nil {
		return out
	}
	e, err := Get(tx, key)
	if err != nil {
		if wit.CodeOf(err) != wit.CodeNotFound {
			out.Status = "error"
		}
		return out
	}
	messages, err := s.Newest(tx, e.SessionID, 0, limit, nil)
	if err != nil {
		out.Status = "error"
		return out
	}
	for _, m := range messages {
		if t := excerpt(m.Text(), chars); t != "" {
			out.Items = append(out.Items, PreviewItem{string(m.Role), t})
		}
		for _, c := range m.ToolCalls {
			out.Items = append(out.Items, PreviewItem{"tool", "call " + c.Name})
		}
	}
	out.Items = out.Items[max(0, len(out.Items)-limit):]
	out.Status = "ok"
	if len(out.Items) == 0 {
		out.Status = "empty"
	}
	return out
}
