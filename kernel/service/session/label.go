package session

import (
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// labels has who has which label, kept with the order of the sessions: see write.
const labels = store.Table[Key]("sessions.labels")

// labelled returns the session with a label, or CodeNotFound. What is said of a damaged session is not believed.
func labelled(tx store.Tx, label string) (Key, error) {
	o, err := howOrdered(tx)
	if err != nil {
		return "", err
	}
	if !o.Done {
		return lookFor(tx, label)
	}
	if label == "" || len(label) > maxLabel {
		return "", errNotLabelled(label)
	}
	key, err := labels.Get(tx, label)
	if err == nil {
		var e Entry
		if e, err = entries.Get(tx, string(key)); err == nil && e.Label == label {
			return key, nil
		}
	}
	if err == nil || store.Damaged(err) || wit.CodeOf(err) == wit.CodeNotFound {
		err = errNotLabelled(label)
	}
	return "", err
}

// lookFor is labelled by reading all entries.
func lookFor(tx store.Tx, label string) (Key, error) {
	for row, err := range entries.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		if row.Value.Label == label {
			return row.Value.Key, nil
		}
	}
	return "", errNotLabelled(label)
}

func errNotLabelled(label string) error {
	return wit.Errorf(wit.CodeNotFound, "No session found with label: %s", label)
}

// call gives an entry another label than it was read with, "" for none.
func call(tx store.Tx, e *Entry, to string) error {
	from := e.called
	if from == to {
		return nil
	}
	e.called = to
	if from != "" {
		holder, err := labels.Get(tx, from)
		if err == nil && holder == e.Key {
			err = labels.Delete(tx, from)
		}
		if err != nil && wit.CodeOf(err) != wit.CodeNotFound && !store.Damaged(err) {
			return err
		}
	}
	if to == "" {
		return nil
	}
	return labels.Put(tx, to, e.Key)
}
