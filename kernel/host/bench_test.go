package host_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/host"
)

// BenchmarkFunctions is what the kernel's side of a host call costs: JSON in, checks, the work, JSON out.
func BenchmarkFunctions(b *testing.B) {
	w := newWorld()
	w.config[""] = `{"room":"x"}`
	functions := w.guest("p", everything()).Functions()
	ctx := host.WithCall(context.Background(), host.Call{Export: "tool_invoke"})
	if _, err := functions["kv_put"](ctx, []byte(`{"key":"a","value":"1"}`)); err != nil {
		b.Fatal(err)
	}
	for name, in := range map[string]string{
		"kv_get": `{"key":"a"}`, "config_get": `{}`, "media_stat": `{"media":"m1"}`, "credential_has": `{"name":"tok"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := functions[name](ctx, []byte(in)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGuest is what a version of a plugin costs before it is called: its functions, linked or refused.
func BenchmarkGuest(b *testing.B) {
	w := newWorld()
	b.ReportAllocs()
	for b.Loop() {
		_ = w.guest("p", everything()).Functions()
	}
}
