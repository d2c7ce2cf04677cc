package egress

import (
	"fmt"
	"testing"
)

// TestPoolsAreBounded: as many owners as there are pools keep theirs; one more costs some other its own.
func TestPoolsAreBounded(t *testing.T) {
	c := New(Config{})
	defer c.Close()
	owner := func(n int) string { return fmt.Sprint("owner-", n) }
	for range 2 {
		for n := range maxPools {
			c.transport(owner(n), route{})
		}
		if len(c.pools) != maxPools {
			t.Fatalf("%d pools", len(c.pools))
		}
	}
	c.transport(owner(maxPools), route{})
	if len(c.pools) != maxPools || c.pools[poolKey{owner: owner(maxPools)}] == nil {
		t.Errorf("%d pools after one more", len(c.pools))
	}
}

// TestPoolsAreApart: by owner, and by the origin where the owner configured it.
func TestPoolsAreApart(t *testing.T) {
	c := New(Config{})
	defer c.Close()
	public := c.transport("p", route{origin: "https://a.example"})
	if c.transport("p", route{origin: "https://b.example"}) != public {
		t.Error("public hosts have pools of their own")
	}
	private := c.transport("p", route{origin: "https://a.example", private: true})
	if private == public || c.transport("p", route{origin: "https://b.example", private: true}) == private || c.transport("q", route{origin: "https://a.example", private: true}) == private {
		t.Error("what may not is in one pool")
	}
	c.forget(func(k poolKey) bool { return k.origin != "" })
	if c.transport("p", route{}) != public || c.transport("p", route{origin: "https://a.example", private: true}) == private {
		t.Error("the wrong pools were forgotten")
	}
}
