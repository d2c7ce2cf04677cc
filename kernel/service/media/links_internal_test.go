package media

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// TestALinkIsGoodForAWindowAtLeast, is the same all through it, and is of no use after two.
func TestALinkIsGoodForAWindowAtLeast(t *testing.T) {
	now := time.Date(2026, 1, 2, 5, 59, 59, 0, time.UTC)
	l := &Links{key: []byte("key"), now: func() time.Time { return now }}
	id := strings.Repeat("a", 64)
	link := l.URL(id)
	check := func() wit.Code {
		_, query, _ := strings.Cut(link, "?")
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.check(id, q); err != nil {
			return wit.CodeOf(err)
		}
		return ""
	}
	for _, c := range []struct {
		after time.Duration
		same  bool
		want  wit.Code
	}{
		{-5 * time.Hour, true, ""}, {0, true, ""}, {time.Second, false, ""}, {window, false, ""}, {window + time.Second, false, wit.CodeForbidden},
		{1000 * time.Hour, false, wit.CodeForbidden},
	} {
		begin := now
		now = now.Add(c.after)
		if same := l.URL(id) == link; same != c.same {
			t.Errorf("after %v the link is the same: %v", c.after, same)
		}
		if got := check(); got != c.want {
			t.Errorf("after %v: %q", c.after, got)
		}
		now = begin
	}
	other := &Links{key: []byte("another"), now: l.now}
	if other.URL(id) == link {
		t.Error("another gateway's link is the same")
	}
}

// TestALinkForAWhile is good for as long as it was asked for, and then no more.
func TestALinkForAWhile(t *testing.T) {
	now := time.Date(2026, 1, 2, 5, 59, 59, 1, time.UTC)
	l := &Links{key: []byte("key"), now: func() time.Time { return now }}
	id := strings.Repeat("a", 64)
	_, query, _ := strings.Cut(l.For(id, 48*time.Hour), "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  wit.Code
	}{{0, ""}, {48 * time.Hour, ""}, {2 * time.Second, wit.CodeForbidden}} {
		now = now.Add(c.after)
		if err := l.check(id, q); err != nil && wit.CodeOf(err) != c.want || err == nil && c.want != "" {
			t.Errorf("after %v more: %v", c.after, err)
		}
	}
}
