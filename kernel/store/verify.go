package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Verify reads so many records in a transaction.
const verifyRecords = 1000

// maxListed is how many records an error of Check lists.
const maxListed = 20

// Check is DB's, where that is below, and Verify. Errors: CodeInternal for a file that is damaged, or records that are, which
// it lists; the store's.
func (s *Sealed) Check(ctx context.Context) error {
	var errs []error
	if c, ok := s.inner.(interface{ Check(context.Context) error }); ok {
		errs = append(errs, c.Check(ctx))
	}
	changed, err := s.Verify(ctx)
	if len(changed) > 0 {
		list := strings.Join(changed[:min(len(changed), maxListed)], ", ")
		if more := len(changed) - maxListed; more > 0 {
			list += fmt.Sprintf(" and %d more", more)
		}
		errs = append(errs, wit.Errorf(wit.CodeInternal, "store: records were changed outside of carapace, or are damaged: %s", list))
	}
	return errors.Join(append(errs, err)...)
}

// Verify reads all records, and returns the space and key of each that is not what was put there. Others use the store
// meanwhile. Those that are Plain cannot be told. Errors: the store's.
func (s *Sealed) Verify(ctx context.Context) (changed []string, err error) {
	space := ""
	for {
		err := s.inner.View(ctx, func(tx Tx) (err error) {
			space, err = spaceBehind(tx, space, exempt)
			return err
		})
		if err != nil || space == "" {
			return changed, err
		}
		for from, more := "", true; more; {
			err := s.View(ctx, func(tx Tx) error {
				n := 0
				for rec, err := range tx.Scan(space, Range{From: from, Limit: verifyRecords}) {
					if Damaged(err) {
						changed = append(changed, space+"/"+rec.Key)
					} else if err != nil {
						return err
					}
					n, from = n+1, rec.Key+"\x00"
				}
				more = n == verifyRecords
				return nil
			})
			if err != nil {
				return changed, err
			}
		}
	}
}
