package store

import "github.com/carapace-gateway/carapace/wit"

// tallies has what the tallies have counted, under their names.
const tallies = Table[int]("tallies")

// Tally is how many there are of something, kept beside it: reading it costs the same however many there are. Whoever
// changes the number calls Add in the same transaction.
//
// What was stored without one, or whose number is damaged, is counted anew when it changes next, and for each reading until
// then.
type Tally struct {
	// Name is under which the number is kept, such as a space's name.
	Name string
	// Count counts all, as the transaction sees it. Errors: the store's.
	Count func(Tx) (int, error)
}

// TallyOf is that of the records of a space.
func TallyOf(space string) Tally {
	return Tally{Name: space, Count: func(tx Tx) (n int, err error) {
		for _, err := range tx.Scan(space, Range{}) {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	}}
}

// Add notes that there are so many more, or with a negative number fewer. It is called after the change. Errors: the
// store's.
func (t Tally) Add(tx Tx, by int) error {
	n, known, err := t.kept(tx)
	if err != nil || known && by == 0 {
		return err
	}
	if n += by; !known || n < 0 {
		if n, err = t.Count(tx); err != nil {
			return err
		}
	}
	return tallies.Put(tx, t.Name, n)
}

// Of returns how many there are. Errors: the store's.
func (t Tally) Of(tx Tx) (int, error) {
	n, known, err := t.kept(tx)
	if err != nil || known {
		return n, err
	}
	return t.Count(tx)
}

// Mend counts anew, and reports by how much the number was wrong; one that is not kept is not wrong. tx is of an Update.
// Errors: the store's.
func (t Tally) Mend(tx Tx) (wrong int, err error) {
	n, known, err := t.kept(tx)
	if err != nil || !known {
		return 0, err
	}
	counted, err := t.Count(tx)
	if err != nil || counted == n {
		return 0, err
	}
	return n - counted, tallies.Put(tx, t.Name, counted)
}

// kept is the number, if it is there.
func (t Tally) kept(tx Tx) (n int, known bool, err error) {
	n, err = tallies.Get(tx, t.Name)
	if wit.CodeOf(err) == wit.CodeNotFound || Damaged(err) {
		return 0, false, nil
	}
	return n, err == nil, err
}
