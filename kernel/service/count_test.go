package service_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 messages", 1: "1 message", 2: "2 messages", 11: "11 messages"} {
		if got := service.Count(n, "message"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
