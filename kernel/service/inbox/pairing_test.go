package inbox_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// knock has strangers ask for one account, and returns their codes.
func knock(w *world, a message.Account, senders ...string) (codes []string) {
	w.t.Helper()
	for _, s := range senders {
		m := text("m-"+s, "hello")
		m.Sender.ID = s
		if _, err := w.Commit(w.t.Context(), inbox.Batch{Account: a, Messages: []wit.Message{m}}); err != nil {
			w.t.Fatal(err)
		}
		var list inbox.PairingListResult
		if err := w.call("channels.pairing.list", `{}`, &list); err != nil {
			w.t.Fatal(err)
		}
		for _, r := range list.Requests {
			if r.SenderID == s && r.AccountID == a.ID {
				codes = append(codes, r.RequestID)
			}
		}
	}
	return codes
}

// TestPairingDecisions: a code lets in whom it was given to, where it was given, and once.
func TestPairingDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := message.Account{Channel: "chat", ID: "other"}
		code := knock(w, account, "u1")[0]
		second := knock(w, other, "u2")[0]
		decide := func(method, params string, args ...any) (inbox.PairingDecisionResult, wit.Code) {
			t.Helper()
			var r inbox.PairingDecisionResult
			return r, wit.CodeOf(w.call("channels.pairing."+method, fmt.Sprintf(params, args...), &r))
		}
		for _, c := range []struct {
			params string
			want   wit.Code
		}{
			{`{"channel":"chat"}`, wit.CodeInvalid},
			{`{"channel":"chat","code":" "}`, wit.CodeInvalid},
			{`{"channel":"chat","code":"AAAAAAAA"}`, wit.CodeNotFound},
			{`{"channel":"none","code":"` + code + `"}`, wit.CodeNotFound},
			{`{"channel":"chat","accountId":"other","code":"` + code + `"}`, wit.CodeNotFound},
			{`{"channel":"chat","accountId":"main","code":"` + second + `"}`, wit.CodeNotFound},
		} {
			for _, method := range []string{"approve", "dismiss"} {
				if _, got := decide(method, "%s", c.params); got != c.want {
					t.Errorf("%s %s: %q", method, c.params, got)
				}
			}
		}
		wakes, sent := w.wakes, len(w.sent)
		var quiet, loud inbox.PairingDecisionResult
		if err := w.call("channels.pairing.approve", `{"channel":"chat","code":" `+strings.ToLower(code)+` ","bootstrapCommandOwner":true}`, &quiet); err != nil {
			t.Fatal(err)
		}
		if want := (inbox.PairingDecisionResult{RequestID: code, SenderID: "u1", Channel: "chat", AccountID: "main", Notification: "not-requested", CommandOwnerBootstrap: "unavailable"}); quiet != want || w.wakes != wakes || len(w.sent) != sent {
			t.Errorf("%+v, %d notices, %d wakes", quiet, len(w.sent)-sent, w.wakes-wakes)
		}
		if err := w.call("channels.pairing.approve", `{"channel":"chat","accountId":"other","requestId":"`+second+`","notify":true}`, &loud); err != nil {
			t.Fatal(err)
		}
		if want := (inbox.PairingDecisionResult{RequestID: second, SenderID: "u2", Channel: "chat", AccountID: "other", Notification: "sent", CommandOwnerBootstrap: "not-requested"}); loud != want || w.wakes != wakes+1 || len(w.sent) != sent+1 {
			t.Errorf("%+v, %d notices, %d wakes", loud, len(w.sent)-sent, w.wakes-wakes)
		}
		if n := w.sent[sent]; n.Account != "other" || n.To.ID != "c1" || !strings.Contains(n.Text, "approved") {
			t.Errorf("notice %+v", n)
		}
		if _, got := decide("approve", `{"channel":"chat","code":"%s"}`, code); got != wit.CodeNotFound {
			t.Errorf("twice: %q", got)
		}
		third := knock(w, account, "u3")[0]
		if r, got := decide("dismiss", `{"channel":"chat","code":"%s"}`, third); got != "" || r.SenderID != "u3" {
			t.Errorf("dismissed: %+v, %q", r, got)
		}
		m := text("again", "hello")
		m.Sender.ID = "u3"
		if r := w.commit(inbox.Batch{Messages: []wit.Message{m}}); r.Paired != 1 || w.rows("channel.pairing") != 1 || w.rows("channel.approved") != 2 {
			t.Errorf("after a dismissal: %+v", r)
		}
	})
}

// TestACodeIsValidForAnHour, and not for longer.
func TestACodeIsValidForAnHour(t *testing.T) {
	for wait, want := range map[time.Duration]wit.Code{time.Hour - time.Millisecond: "", time.Hour: wit.CodeNotFound} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			code := knock(w, account, "u1")[0]
			time.Sleep(wait)
			var list inbox.PairingListResult
			if err := w.call("channels.pairing.list", `{}`, &list); err != nil || (len(list.Requests) == 1) != (want == "") {
				t.Errorf("after %v: %+v, %v", wait, list.Requests, err)
			}
			if err := w.call("channels.pairing.approve", `{"channel":"chat","code":"`+code+`"}`, nil); wit.CodeOf(err) != want {
				t.Errorf("after %v: %v", wait, err)
			}
		})
	}
}

// TestListsOfPairing say who asks and who was let in, by channel and account, with the best name that is known.
func TestListsOfPairing(t *testing.T) {
	name, user, empty := "Ann", "ben", ""
	people := []wit.Person{{ID: "u1", Name: &name, Username: &user}, {ID: "u2", Username: &user, Name: &empty}, {ID: "u3", Name: &empty, Username: &empty}}
	asking, approved := newWorld(t), newWorld(t)
	for i, a := range []message.Account{account, {Channel: "chat", ID: "other"}, {Channel: "far", ID: "main"}} {
		m := text("1", "hello")
		m.Sender = people[i]
		for _, w := range []*world{asking, approved} {
			if _, err := w.Commit(t.Context(), inbox.Batch{Account: a, Messages: []wit.Message{m}}); err != nil {
				t.Fatal(err)
			}
		}
		var list inbox.PairingListResult
		if err := approved.call("channels.pairing.list", `{}`, &list); err != nil || len(list.Requests) != 1 {
			t.Fatal(list, err)
		}
		if err := approved.call("channels.pairing.approve", `{"channel":"`+a.Channel+`","code":"`+list.Requests[0].RequestID+`"}`, nil); err != nil {
			t.Fatal(err)
		}
	}
	for params, want := range map[string]string{
		`{}`:                                     "chat/main Ann, chat/other @ben, far/main u3",
		`{"channel":"chat"}`:                     "chat/main Ann, chat/other @ben",
		`{"channel":"chat","accountId":"other"}`: "chat/other @ben",
		`{"accountId":"main"}`:                   "chat/main Ann, far/main u3",
		`{"channel":"far","accountId":"other"}`:  "",
		`{"channel":"cha"}`:                      "",
	} {
		var list inbox.PairingListResult
		var let inbox.PairingApprovedResult
		if err := errors.Join(asking.call("channels.pairing.list", params, &list), approved.call("channels.pairing.approved", params, &let)); err != nil {
			t.Fatal(err)
		}
		var asks, in []string
		for _, r := range list.Requests {
			asks = append(asks, r.Channel+"/"+r.AccountID+" "+r.SenderLabel)
		}
		for _, r := range let.Approved {
			in = append(in, r.Channel+"/"+r.AccountID+" "+r.SenderLabel)
		}
		if strings.Join(asks, ", ") != want || strings.Join(in, ", ") != want {
			t.Errorf("%s: ask %q, let in %q, want %q", params, asks, in, want)
		}
	}
}
