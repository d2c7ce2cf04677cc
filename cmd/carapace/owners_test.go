package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// racing are settings that others write to between our reading and our writing, so many times.
type racing struct {
	settingsStore
	others []string
}

func (r *racing) patch(ctx context.Context, change wit.JSON, base string) (settingsChange, error) {
	if len(r.others) > 0 {
		other := r.others[0]
		r.others = r.others[1:]
		if _, err := addOwner(ctx, r.settingsStore, other); err != nil {
			return settingsChange{}, err
		}
	}
	return r.settingsStore.patch(ctx, change, base)
}

// TestTwoWritersOfOwners: neither takes the other's owner away.
func TestTwoWritersOfOwners(t *testing.T) {
	for _, c := range []struct {
		text   string
		others []string
		fails  bool
	}{
		{"", []string{"chat:bob"}, false},
		{`{"owners":["chat:eve"]}`, []string{"chat:bob", "irc:bob"}, false},
		{`{"owners":["chat:eve"]}`, []string{"chat:ann"}, false},
		{`{"log":{"level":"warn"}}`, []string{"a:1", "a:2", "a:3", "a:4", "a:5"}, true},
	} {
		file := filepath.Join(t.TempDir(), "carapace.json")
		if c.text != "" {
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := addOwner(t.Context(), &racing{settingsFile(file), c.others}, "chat:ann")
		if (wit.CodeOf(err) == wit.CodeConflict) != c.fails {
			t.Errorf("%s beside %v: %v", c.text, c.others, err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := c.others
		if !c.fails {
			want = append(want, "chat:ann")
		}
		if strings.Contains(c.text, "chat:eve") {
			want = append(want, "chat:eve")
		}
		for _, owner := range want {
			if n := strings.Count(string(text), `"`+owner+`"`); n != 1 {
				t.Errorf("%s beside %v: %s is there %d times: %s", c.text, c.others, owner, n, text)
			}
		}
	}
}
