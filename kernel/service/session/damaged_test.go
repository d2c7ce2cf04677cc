package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestADamagedMessage is shown as one, in its place, and all others with it; the log says so once.
func TestADamagedMessage(t *testing.T) {
	for name, record := range map[string]string{
		"no JSON": "{", "nothing": "", "another type": `{"number":2,"role":"user","parts":"hello"}`, "a list": "[]",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, store.OpenMemory())
			r.say(key, "one", "two", "three")
			var entry session.Entry
			storetest.Update(t, r.store, func(tx store.Tx) (err error) {
				if entry, err = session.Get(tx, key); err != nil {
					return err
				}
				return tx.Put("history", entry.SessionID+"/0000000000000002", []byte(record))
			})
			var newest, after []session.Message
			if err := r.store.View(t.Context(), func(tx store.Tx) (err error) {
				if newest, err = r.svc.Newest(tx, entry.SessionID, 0, 10, nil); err != nil {
					return err
				}
				after, err = r.svc.After(tx, entry.SessionID, 1, 10)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if len(newest) != 3 || len(after) != 2 {
				t.Fatalf("%d and %d messages", len(newest), len(after))
			}
			for _, m := range []session.Message{newest[1], after[0]} {
				if m.Number != 2 || !m.Damaged || m.Role != wit.RoleSystem || !strings.Contains(m.Text(), "damaged") {
					t.Errorf("the damaged one: %+v", m)
				}
			}
			if newest[0].Text() != "one" || newest[2].Text() != "three" || newest[1].Time != newest[2].Time || after[1].Text() != "three" {
				t.Errorf("the others: %+v, %+v", newest, after)
			}
			r.wantDamagedShown()
			if n := strings.Count(r.log.String(), "damaged record left out"); n != 1 {
				t.Errorf("it is logged %d times: %s", n, &r.log)
			}
		})
	}
}

// wantDamagedShown looks at what clients see of three messages whose second is damaged.
func (r *rig) wantDamagedShown() {
	r.t.Helper()
	preview := r.must("sessions.preview", obj{"keys": []string{"main"}})["previews"].([]any)[0].(obj)
	var roles []string
	for _, item := range preview["items"].([]any) {
		roles = append(roles, item.(obj)["role"].(string))
	}
	if preview["status"] != "ok" || !slices.Equal(roles, []string{"user", "system", "user"}) {
		r.t.Errorf("preview %v", preview)
	}
	for _, limit := range []int{2, 10} { // with the damaged message at the edge of a page, and inside one
		var lines []string
		for cursor := ""; ; {
			page := r.must("sessions.export", obj{"key": "main", "limit": limit, "cursor": cursor})
			for _, line := range page["lines"].([]any) {
				lines = append(lines, line.(string))
			}
			if cursor, _ = page["cursor"].(string); cursor == "" {
				break
			}
		}
		if len(lines) != 4 || !strings.Contains(lines[2], `"number":2`) || !strings.Contains(lines[2], `"damaged":true`) {
			r.t.Errorf("export by %d: %s", limit, fmt.Sprint(lines))
		}
	}
}
