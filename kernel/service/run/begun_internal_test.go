package run

import "testing"

// TestFirst: who has not looked into the store takes no run that is not in it yet, and each once.
func TestFirst(t *testing.T) {
	var h handover
	const key = "agent:main:main"
	b := &begun{run: "r"}
	h.put(key, b)
	if got := h.first(key); got != nil {
		t.Errorf("%+v was taken before its commit", got)
	}
	h.commit(nil)
	h.commit(b)
	if got := h.first("agent:main:other"); got != nil {
		t.Errorf("%+v was taken for another session", got)
	}
	if got := h.first(key); got != b {
		t.Errorf("%+v was taken, want %+v", got, b)
	}
	if got := h.take(key, "r"); got != nil {
		t.Errorf("%+v was taken twice", got)
	}
}
