package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// dialogue is a call that uses sockets to an echo server.
type dialogue struct {
	t     *testing.T
	world *world
	guest *host.Guest
	call  host.Call
	addr  string
	ended <-chan string // the last line of each socket that was ended
}

func newDialogue(t *testing.T) *dialogue {
	addr, ended := echoServer(t)
	w := newWorld()
	w.config["acc"] = fmt.Sprintf(`{"url":"tcp://%s"}`, addr)
	w.vault["p/acc/tok"] = "a-secret-password"
	return &dialogue{t: t, world: w, guest: w.guest("p", everything()), addr: addr, ended: ended,
		call: host.Call{Export: "channel_send", Account: "acc", Sockets: new(host.Sockets)}}
}

// do calls a function and reads its result into out, which may be nil.
func (d *dialogue) do(ctx context.Context, name, in string, out any) error {
	d.t.Helper()
	text, err := d.guest.Functions()[name](host.WithCall(ctx, d.call), []byte(in))
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return err
}

func (d *dialogue) open() error {
	return d.do(d.t.Context(), "socket_open", `{"url":"tcp://`+d.addr+`"}`, nil)
}

// says writes on a socket and returns what comes back.
func (d *dialogue) says(socket int, fields string) string {
	d.t.Helper()
	if err := d.do(d.t.Context(), "socket_write", fmt.Sprintf(`{"socket":%d,%s}`, socket, fields), nil); err != nil {
		d.t.Fatal(err)
	}
	said := ""
	for !strings.HasSuffix(said, "\n") {
		var data wit.SocketData
		if err := d.do(d.t.Context(), "socket_read", fmt.Sprintf(`{"socket":%d,"most":3}`, socket), &data); err != nil || len(data.Bytes) > 3 {
			d.t.Fatal(data, err)
		}
		said += string(data.Bytes)
	}
	return said
}

func TestSockets(t *testing.T) {
	d := newDialogue(t)
	for range 2 {
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.says(1, `"text":"one\r\n"`) + d.says(2, `"bytes":"dHdvCg=="`) + d.says(1, `"text":"{{credential:tok}}\n"`); got != "one\r\ntwo\n{{credential:tok}}\n" {
		t.Errorf("the server says %q", got)
	}
	if got := d.says(1, `"text":"PASS {{credential:tok}}\n","fill":true`); got != "PASS [redacted]\n" {
		t.Errorf("the server says %q", got)
	}
	if err := d.do(t.Context(), "socket_write", `{"socket":2,"text":"\u0000me\u0000{{credential:tok}}","fill":true,"base64":true}`, nil); err != nil {
		t.Error(err)
	}
	if got := d.says(2, `"text":"\n"`); strings.Contains(got, "YS1zZWNyZXQ") || !strings.Contains(got, "[redacted]") {
		t.Errorf("the server says %q", got)
	}
	for _, number := range []string{"2", "2", "7"} { // again is no error
		if err := d.do(t.Context(), "socket_close", `{"socket":`+number+`}`, nil); err != nil {
			t.Error(err)
		}
	}
	<-d.ended
	wantCode(t, d.do(t.Context(), "socket_read", `{"socket":2}`, nil), wit.CodeNotFound)
	if got := d.says(1, `"text":"last\n"`); got != "last\n" {
		t.Errorf("the server says %q", got)
	}
	d.call.Sockets.Close()
	if got := <-d.ended; got != "last" {
		t.Errorf("the call's end has ended %q", got)
	}
	wantCode(t, d.do(t.Context(), "socket_read", `{"socket":1}`, nil), wit.CodeNotFound)
	wantCode(t, d.open(), wit.CodeTimeout)
}

func TestSocketsAreRefused(t *testing.T) {
	d := newDialogue(t)
	for name, c := range map[string]struct {
		call host.Call
		url  string
		want wit.Code
	}{
		"a pure function":         {host.Call{Export: "channel_event", Account: "acc", Sockets: new(host.Sockets)}, "tcp://" + d.addr, wit.CodeForbidden},
		"outside of a call":       {host.Call{}, "tcp://" + d.addr, wit.CodeForbidden},
		"another account's host":  {host.Call{Export: "channel_send", Account: "other", Sockets: new(host.Sockets)}, "tcp://" + d.addr, wit.CodeForbidden},
		"a host that is not had":  {d.call, "tls://mail.example.org:465", wit.CodeForbidden},
		"no host":                 {d.call, "tcp://", wit.CodeInvalid},
		"another protocol":        {d.call, "https://" + d.addr, wit.CodeInvalid},
		"a port that is not had":  {d.call, "tcp://127.0.0.1:1", wit.CodeForbidden},
		"what asks for no secret": {d.call, "tcp://{{credential:tok}}:25", wit.CodeInvalid},
	} {
		_, err := ask(d.guest, c.call, "socket_open", fmt.Sprintf(`{"url":%q}`, c.url))
		if wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := ask(d.guest, host.Call{}, "socket_read", `{"socket":1}`)
	wantCode(t, err, wit.CodeNotFound)
	if _, err := ask(d.guest, host.Call{}, "socket_close", `{"socket":1}`); err != nil {
		t.Error(err)
	}
}

func TestSocketsAreBounded(t *testing.T) {
	t.Run("in number", func(t *testing.T) {
		d := newDialogue(t)
		for range wit.LimitSocketAtOnce {
			if err := d.open(); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, d.open(), wit.CodeRateLimited)
		if err := d.do(t.Context(), "socket_close", `{"socket":2}`, nil); err != nil {
			t.Fatal(err)
		}
		if err := d.open(); err != nil {
			t.Error(err)
		}
		d.call.Sockets.Close()
	})
	t.Run("in bytes", func(t *testing.T) {
		d := newDialogue(t)
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
		w := &wit.SocketWriting{Socket: 1, Bytes: make([]byte, wit.SocketWritingBytesMax)}
		in, n := string(wit.Marshal(w)), 0
		err := error(nil)
		for ; err == nil && n < 100; n++ {
			err = d.do(t.Context(), "socket_write", in, nil)
		}
		wantCode(t, err, wit.CodeTooLarge)
		if n != wit.LimitSocketCallBytes/wit.SocketWritingBytesMax+1 {
			t.Errorf("%d MB were written", n)
		}
		wantCode(t, d.do(t.Context(), "socket_read", `{"socket":1}`, nil), wit.CodeNotFound)
	})
	t.Run("in time", func(t *testing.T) {
		d := newDialogue(t)
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		wantCode(t, d.do(ctx, "socket_read", `{"socket":1}`, nil), wit.CodeTimeout) // the server says nothing
		<-d.ended
	})
	t.Run("by the permission", func(t *testing.T) {
		d := newDialogue(t)
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
		none := everything()
		none.HTTP = nil
		d.world.guest("p", none).Connections.Inherit()
		<-d.ended
		if err := d.do(t.Context(), "socket_read", `{"socket":1}`, nil); err == nil {
			t.Error("it can still be read")
		}
	})
}

// TestSocketsStartTLS: a socket does not go on encrypted where more has come than was read.
func TestSocketsStartTLS(t *testing.T) {
	d := newDialogue(t)
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	if err := d.do(t.Context(), "socket_write", `{"socket":1,"text":"220 go\r\n250 ok\r\n"}`, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.do(t.Context(), "socket_read", `{"socket":1,"most":3}`, nil); err != nil {
		t.Fatal(err)
	}
	wantCode(t, d.do(t.Context(), "socket_start_tls", `{"socket":1}`, nil), wit.CodeUnavailable)
	<-d.ended
	wantCode(t, d.do(t.Context(), "socket_start_tls", `{"socket":1}`, nil), wit.CodeNotFound)
}

func wantCode(t *testing.T, err error, want wit.Code) {
	t.Helper()
	if got := wit.CodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
}
