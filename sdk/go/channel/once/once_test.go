package once_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/once"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestAMessageArrivesOnce(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	var there []string // at the platform
	lost := errors.New("lost")
	// attempt sends a message of two parts; what is to go wrong with the part that is sent next: "" nothing, "cut" the answer,
	// "refused" the send, "away" both find and send.
	attempt := func(conversation, key, trouble string) ([]string, int, error) {
		m, looked := once.Begin(host, conversation, key, 5), 0
		for i := range 2 {
			part := key + string(rune('0'+i))
			err := m.Part(i, func() (string, error) {
				if looked++; trouble == "away" {
					return "", lost
				}
				if slices.Contains(there, part) {
					return "found " + part, nil
				}
				return "", nil
			}, func() (string, bool, error) {
				if trouble == "refused" {
					return "", false, lost
				}
				there = append(there, part)
				if trouble != "" {
					return "", true, lost
				}
				return "sent " + part, false, nil
			})
			if err != nil {
				return m.IDs, looked, err
			}
		}
		return m.IDs, looked, nil
	}
	for i, c := range []struct {
		conversation, key, trouble string
		ids                        []string
		looked                     int
		fails                      bool
	}{
		{"a", "k", "", []string{"sent k0", "sent k1"}, 0, false},
		{"a", "k", "cut", []string{"sent k0", "sent k1"}, 0, false}, // nothing is done any more
		{"a", "l", "cut", nil, 0, true},
		{"a", "l", "away", nil, 1, true},
		{"a", "l", "", []string{"found l0", "sent l1"}, 1, false},
		{"b", "l", "refused", nil, 0, true}, // elsewhere it is another one
		{"b", "l", "refused", nil, 0, true}, // nor is what was refused looked for
		{"b", "m", "", []string{"sent m0", "sent m1"}, 0, false},
		{"c", "draft:n", "cut", nil, 0, true},
		{"c", "o", "", []string{"sent o0", "sent o1"}, 0, false}, // beside it
		{"c", "draft:n", "", []string{"found draft:n0", "sent draft:n1"}, 1, false},
	} {
		ids, looked, err := attempt(c.conversation, c.key, c.trouble)
		if !slices.Equal(ids, c.ids) || looked != c.looked || (err != nil) != c.fails {
			t.Errorf("%d: %q after looking %d times, %v", i, ids, looked, err)
		}
	}
}

func TestSinceGrows(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	m := once.Begin(host, "a", "k", 5)
	if err := m.Part(0, nil, func() (string, bool, error) { return "17", false, nil }); err != nil || m.Since != 17 {
		t.Error(m.Since, err)
	}
	for seen, want := range map[int64]int64{3: 17, 40: 40} {
		if m := once.Begin(host, "a", "another", seen); m.Since != want || len(m.IDs) != 0 {
			t.Errorf("after %d: %d %q", seen, m.Since, m.IDs)
		}
	}
}
