package storm

import (
	"math/rand/v2"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// Crowd begins a platform's test server with the trouble of a seed, which the test's log has. The test's end closes it.
func Crowd[P channeltest.Platform](t testing.TB, begin func(seed uint64) (P, error)) P {
	t.Helper()
	seed := rand.Uint64()
	t.Log("seed", seed)
	p, err := begin(seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}
