package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
)

// BenchmarkForms gives a value of 1 KB a form, and opens it.
func BenchmarkForms(b *testing.B) {
	s, err := Seal(context.Background(), OpenMemory(), make([]byte, 32), false)
	if err != nil {
		b.Fatal(err)
	}
	const space, key = "history", "0198a7c1-0000-7000-8000-000000000000/0000000000000002"
	for _, size := range []int{100, 1 << 10, 16 << 10} {
		room, value := []byte(nil), bytes.Repeat([]byte("x"), size)
		for _, form := range []Form{Tagged, Closed} {
			b.Run(fmt.Sprintf("%s/%d/close", form, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s.close(&room, form, space, key, value)
				}
			})
			box := slices.Clone(s.close(&room, form, space, key, value))
			if form == Closed {
				continue // opening is in place
			}
			b.Run(fmt.Sprintf("%s/%d/open", form, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.open(form, space, key, box); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
