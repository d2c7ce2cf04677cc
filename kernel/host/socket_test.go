package host_test

import (
	"context"
	"encoding/base64"
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
	parts := `"parts":[{"bytes":"cA=="},{"length":{"extra":-4}},{"text":"{{credential:tok}}\n","fill":true}]`
	if got := d.says(1, parts); got != "p\x00\x00\x00\x16[redacted]\n" {
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

// TestAFileIsWrittenOnASocket: as it is, or in base64 as mails have it, and with the permission alone.
func TestAFileIsWrittenOnASocket(t *testing.T) {
	d := newDialogue(t)
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	if got := d.says(1, `"media":"m1"`); got != file+"\n" {
		t.Errorf("%d bytes came back", len(got))
	}
	lines := strings.Split(d.says(1, `"media":"m1","base64":true`), "\r\n")
	whole, err := base64.StdEncoding.DecodeString(strings.Join(lines, ""))
	if err != nil || !strings.HasPrefix(file+"\n", string(whole)) || len(lines[0]) != 76 || len(lines) < 2 {
		t.Errorf("%d lines, the first of %d characters, %v", len(lines), len(lines[0]), err)
	}
	for in, code := range map[string]wit.Code{
		`{"socket":1,"media":"m2"}`: wit.CodeNotFound, `{"socket":1,"media":"m1","text":"x"}`: wit.CodeInvalid, `{"socket":9,"media":"m1"}`: wit.CodeNotFound,
	} {
		if err := d.do(t.Context(), "socket_write", in, nil); wit.CodeOf(err) != code {
			t.Errorf("%s: %v", in, err)
		}
	}
	without := everything()
	without.Media = nil
	d.guest = d.world.guest("p", without)
	if err := d.do(t.Context(), "socket_write", `{"socket":1,"media":"m1"}`, nil); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("without the permission: %v", err)
	}
}

// TestAFileIsReceivedOnASocket: decoded, with its name and type, whatever of it the guest has read already; the socket goes on
// behind it.
func TestAFileIsReceivedOnASocket(t *testing.T) {
	d := newDialogue(t)
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	// The server says it back, and "end" behind it.
	receive := func(in, form, read, more string) (size int64, err error) {
		t.Helper()
		d.world.files.kept["x text/plain"] = ""
		text := base64.StdEncoding.EncodeToString([]byte(in + "end\n"))
		if err := d.do(t.Context(), "socket_write", `{"socket":1,"bytes":"`+text+`"}`, nil); err != nil {
			t.Fatal(err)
		}
		for range read {
			if err := d.do(t.Context(), "socket_read", `{"socket":1,"most":1}`, nil); err != nil {
				t.Fatal(err)
			}
		}
		var file wit.ReceivedFile
		err = d.do(t.Context(), "socket_receive", fmt.Sprintf(`{"socket":1,"size":%d,"form":%q,"head":%q,"mime":"text/plain","name":"x"%s}`,
			len(in), form, base64.StdEncoding.EncodeToString([]byte(read)), more), &file)
		return file.Size, err
	}
	for _, c := range []struct{ in, form, read, want string }{
		{"as it\nis\n", "bytes", "", "as it\nis\n"}, {"as it\nis\n", "bytes", "as", "as it\nis\n"}, {"all\n", "bytes", "all\n", "all\n"},
		{"aGVsbG8g\r\nd29y bGQ=\r\n", "base64", "aG", "hello world"}, {"aGVsbG8g\r\nd29ybGQ\r\n", "base64", "", "hello world"},
		{"gr=C3=BC=\r\n=C3=9Fe\r\n", "quoted_printable", "", "grüße\r\n"},
	} {
		size, err := receive(c.in, c.form, c.read, "")
		if got := d.world.files.kept["x text/plain"]; err != nil || got != c.want || size != int64(len(c.want)) {
			t.Errorf("%q: %q of %d bytes, %v", c.in, got, size, err)
		}
		if got := d.says(1, `"text":""`); got != "end\n" {
			t.Errorf("%q: behind it is %q", c.in, got)
		}
	}
	for name, c := range map[string]struct {
		in, form, read, more string
		want                 wit.Code
	}{
		"too large":        {"hello\n", "bytes", "", `,"most":5`, wit.CodeTooLarge},
		"empty":            {"\r\n", "base64", "", "", wit.CodeInvalid},
		"more than it has": {"a", "bytes", "aend", "", wit.CodeInvalid},
	} {
		d = newDialogue(t)
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
		if _, err := receive(c.in, c.form, c.read, c.more); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	d = newDialogue(t)
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	without := everything()
	without.Media = nil
	d.guest = d.world.guest("p", without)
	wantCode(t, d.do(t.Context(), "socket_receive", `{"socket":1,"size":1,"form":"bytes"}`, nil), wit.CodeForbidden)
	d.guest = d.world.guest("p", everything())
	wantCode(t, d.do(t.Context(), "socket_receive", `{"socket":7,"size":1,"form":"bytes"}`, nil), wit.CodeNotFound)
}
