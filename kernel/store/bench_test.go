package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
)

func benchStore(b *testing.B) *store.DB {
	s := open(b, filepath.Join(b.TempDir(), "state.db"))
	b.ReportAllocs()
	b.ResetTimer()
	return s
}

func putRow(b *testing.B, s store.Store, n int64, value []byte) {
	if err := s.Update(context.Background(), func(tx store.Tx) error {
		return tx.Put("rows", fmt.Sprintf("%012d", n), value)
	}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkUpdate is one writer, each transaction durable on its own.
func BenchmarkUpdate(b *testing.B) {
	s, value := benchStore(b), make([]byte, 300)
	for i := range b.N {
		putRow(b, s, int64(i), value)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkUpdateParallel is many writers whose transactions share commits.
func BenchmarkUpdateParallel(b *testing.B) {
	for _, writers := range []int{8, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s, value := benchStore(b), make([]byte, 300)
			var n atomic.Int64
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					putRow(b, s, n.Add(1), value)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkUpdateMany writes 100 rows per transaction.
func BenchmarkUpdateMany(b *testing.B) {
	s, value := benchStore(b), make([]byte, 300)
	for i := range b.N {
		if err := s.Update(context.Background(), func(tx store.Tx) error {
			for j := range 100 {
				if err := tx.Put("rows", fmt.Sprintf("%012d", i*100+j), value); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkView reads one record, or scans three or a hundred.
func BenchmarkView(b *testing.B) {
	for name, read := range map[string]func(store.Tx) error{
		"get": func(tx store.Tx) error { _, err := tx.Get("rows", "000500"); return err },
		"scan3": func(tx store.Tx) error {
			for _, err := range tx.Scan("rows", store.Range{From: "000500", Limit: 3}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"scan100": func(tx store.Tx) error {
			for _, err := range tx.Scan("rows", store.Range{From: "000500", Limit: 100}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := benchStore(b)
			fill(b, s, 1000)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := s.View(context.Background(), read); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
