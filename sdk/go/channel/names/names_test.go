package names_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/names"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestNames(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	n := names.Of(host, "one")
	if name, known := n.Find("U1"); name != "" || known {
		t.Errorf("%q is known", name)
	}
	if name, known := n.Find(""); name != "" || !known {
		t.Error("nobody has a name")
	}
	n.Keep("U1", "Ada")
	n.Keep("U21", strings.Repeat("ä", 100))
	n.Keep("U3", "")
	n.Keep("", "nobody")
	for _, n := range []*names.Names{n, names.Of(host, "one")} {
		for id, want := range map[string]string{"U1": "Ada", "U21": strings.Repeat("ä", names.Max), "U3": ""} {
			if name, known := n.Find(id); name != want || !known {
				t.Errorf("%s is %q, known %v", id, name, known)
			}
		}
	}
	if _, known := names.Of(host, "other").Find("U1"); known {
		t.Error("an account knows another's names")
	}
	n.Keep("U1", "Ada L.")
	if name, _ := names.Of(host, "one").Find("U1"); name != "Ada L." {
		t.Errorf("U1 is still %q", name)
	}
}

// TestMany: a record stays small, and what was noted last is known.
func TestMany(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	n := names.Of(host, "one")
	known := 0
	for i := range 1000 {
		n.Keep(strconv.Itoa(i)+"x", "somebody")
		if _, ok := n.Find(strconv.Itoa(i) + "x"); !ok {
			t.Fatalf("%d is not known", i)
		}
	}
	for i := range 1000 {
		if _, ok := n.Find(strconv.Itoa(i) + "x"); ok {
			known++
		}
	}
	if known > 201 || known < 100 {
		t.Errorf("%d are known", known)
	}
}
