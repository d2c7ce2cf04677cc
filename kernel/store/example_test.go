package store_test

import (
	"context"
	"fmt"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

type note struct {
	Text string `json:"text"`
	Done bool   `json:"done,omitempty"`
}

// notes is a table: a space whose values are JSON of one type.
const notes store.Table[note] = "notes"

// Update changes several records at once, or none of them.
func Example() {
	ctx := context.Background()
	s := store.OpenMemory() // store.Open keeps them in a file
	defer s.Close()

	err := s.Update(ctx, func(tx store.Tx) error {
		if err := notes.Put(tx, "milk", note{Text: "buy milk"}); err != nil {
			return err
		}
		return tx.Put("counts", "notes", []byte("1"))
	})
	fmt.Println(err)

	err = s.Update(ctx, func(tx store.Tx) error {
		if err := notes.Put(tx, "milk", note{Text: "buy milk", Done: true}); err != nil {
			return err
		}
		return notes.Insert(tx, "milk", note{Text: "twice"}) // fails, so the Put is undone
	})
	fmt.Println(wit.CodeOf(err))

	_ = s.View(ctx, func(tx store.Tx) error {
		n, err := notes.Get(tx, "milk")
		fmt.Printf("%+v %v\n", n, err)
		_, err = notes.Get(tx, "bread")
		fmt.Println(wit.CodeOf(err))
		return nil
	})
	// Output:
	// <nil>
	// conflict
	// {Text:buy milk Done:false} <nil>
	// not_found
}

// A queue is a table whose keys sort by time; the number makes them unique.
func ExampleTable() {
	ctx := context.Background()
	s := store.OpenMemory()
	defer s.Close()

	const queue store.Table[string] = "queue"
	_ = s.Update(ctx, func(tx store.Tx) error {
		for _, text := range []string{"first", "second", "third"} {
			n, err := tx.Next("queue")
			if err != nil {
				return err
			}
			if err := queue.Put(tx, fmt.Sprintf("%016d", n), text); err != nil {
				return err
			}
		}
		return nil
	})
	// Taking one off is a transaction too: what it leads to is committed with it.
	_ = s.Update(ctx, func(tx store.Tx) error {
		for row, err := range queue.Scan(tx, store.Range{Limit: 1}) {
			if err != nil {
				return err
			}
			fmt.Println("took", row.Value)
			return queue.Delete(tx, row.Key)
		}
		return nil
	})
	_ = s.View(ctx, func(tx store.Tx) error {
		for row, err := range queue.Scan(tx, store.Range{}) {
			fmt.Println(row.Key, row.Value, err)
		}
		return nil
	})
	// Output:
	// took first
	// 0000000000000002 second <nil>
	// 0000000000000003 third <nil>
}

// A Range selects keys by prefix, by bounds, in either direction.
func ExampleRange() {
	ctx := context.Background()
	s := store.OpenMemory()
	defer s.Close()
	_ = s.Update(ctx, func(tx store.Tx) error {
		for _, key := range []string{"ann/1", "ann/2", "ann/3", "bob/1"} {
			if err := tx.Put("mail", key, nil); err != nil {
				return err
			}
		}
		return nil
	})
	_ = s.View(ctx, func(tx store.Tx) error {
		for _, r := range []store.Range{
			{Prefix: "ann/"},
			{Prefix: "ann/", Reverse: true, Limit: 2},
			{From: "ann/2", To: "bob/"},
		} {
			var keys []string
			for rec, err := range tx.Scan("mail", r) {
				if err != nil {
					return err
				}
				keys = append(keys, rec.Key)
			}
			fmt.Println(keys)
		}
		return nil
	})
	// Output:
	// [ann/1 ann/2 ann/3]
	// [ann/3 ann/2]
	// [ann/2 ann/3]
}
