package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func nested(n int) string {
	return `{"type":"req","id":"1","method":"m","params":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
}

// siblings has n arrays and objects beside each other, as deep as may be.
func siblings(n int) string {
	deepest := strings.Repeat("[", 29) + strings.Repeat("]", 29)
	return `{"type":"req","id":"1","method":"m","params":[` + strings.Repeat(deepest+`,{"a":{}},`, n) + `1]}`
}

// TestRequestID: the id of a request whose frame was cut off anywhere behind it.
func TestRequestID(t *testing.T) {
	for beginning, want := range map[string]string{
		`{"type":"req","id":"a\"b","method":"m","params":{"x":"yyy`: `a"b`,
		`{"params":{"id":"no"},"id":"1","x":"`:                      "1",
		`{"x":[1,{"id":"no"}],"id":"1"`:                             "1",
		`{"id":"1"`:                                                 "1",
		`{"id":"1`:                                                  "",
		`{"id":1,"x`:                                                "",
		`{"params":{"id":"no","x":"yyy`:                             "",
		`["id","1"`:                                                 "",
		``:                                                          "",
		`{"id":"` + strings.Repeat("x", 257) + `","x":"`: "",
	} {
		if got := wire.RequestID([]byte(beginning)); got != want {
			t.Errorf("%.60s: got %q, want %q", beginning, got, want)
		}
	}
}

func TestDecodeRequest(t *testing.T) {
	tests := []struct {
		name, frame string
		want        wire.Request
		code        wit.Code
		text        string
	}{
		{"whole", `{"type":"req","id":"1","method":"health","params":{"a":[1]}}`, wire.Request{ID: "1", Method: "health", Params: json.RawMessage(`{"a":[1]}`)}, "", ""},
		{"no params", `{"type":"req","id":"1","method":"health"}`, wire.Request{ID: "1", Method: "health"}, "", ""},
		{"white space", " {\t\"type\" : \"req\" ,\r\n\"id\":\"1\", \"method\":\"m\",\"params\" : { \"a\" : [ 1, -2e3 ,true ] } } ", wire.Request{ID: "1", Method: "m", Params: json.RawMessage(`{ "a" : [ 1, -2e3 ,true ] }`)}, "", ""},
		{"words", `{"params":null,"id":"1","type":"req","method":"m","params":-1.5e3}`, wire.Request{ID: "1", Method: "m", Params: json.RawMessage(`-1.5e3`)}, "", ""},
		{"no object", `{"params":false,"id":"1","type":"req","method":"m"}`, wire.Request{ID: "1", Method: "m", Params: json.RawMessage(`false`)}, "", ""},
		{"nothing", `{}`, wire.Request{}, wit.CodeInvalid, "/id"},
		{"unknown fields", `{"x":{"y":1},"type":"req","traceparent":"00-1","id":"1","method":"m"}`, wire.Request{ID: "1", Method: "m"}, "", ""},
		{"escaped id", `{"type":"req","id":"a\"b\u00e9","method":"m"}`, wire.Request{ID: `a"bé`, Method: "m"}, "", ""},
		{"brackets in a string", `{"type":"req","id":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"{{{","method":"m"}`, wire.Request{ID: strings.Repeat("[", 36) + `"{{{`, Method: "m"}, "", ""},
		{"deepest", nested(32), wire.Request{ID: "1", Method: "m", Params: json.RawMessage(strings.Repeat("[", 31) + strings.Repeat("]", 31))}, "", ""},
		{"too deep", nested(33), wire.Request{}, wit.CodeTooLarge, "depth"},
		{"very deep and broken", strings.Repeat("[", 1<<20), wire.Request{}, wit.CodeTooLarge, "depth"},
		{"empty", ``, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"text", `hello`, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"array", `[]`, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"cut", `{"type":"req","id":"1"`, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"cut in a string", `{"type":"req","id":"1`, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"cut behind a backslash", `{"type":"req","id":"\`, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"two", `{"type":"req","id":"1","method":"m"}{}`, wire.Request{}, wit.CodeInvalid, "JSON object"},
		{"null", `null`, wire.Request{}, wit.CodeInvalid, "/id"},
		{"no id", `{"type":"req","method":"m"}`, wire.Request{}, wit.CodeInvalid, "/id"},
		{"blank id", `{"type":"req","id":"  ","method":"m"}`, wire.Request{}, wit.CodeInvalid, "/id"},
		{"number id", `{"type":"req","id":1,"method":"m"}`, wire.Request{}, wit.CodeInvalid, "/id"},
		{"long id", `{"type":"req","id":"` + strings.Repeat("x", 257) + `","method":"m"}`, wire.Request{ID: strings.Repeat("x", 257)}, wit.CodeInvalid, "/id"},
		{"longest id", `{"type":"req","id":"` + strings.Repeat("x", 256) + `","method":"m"}`, wire.Request{ID: strings.Repeat("x", 256), Method: "m"}, "", ""},
		{"many siblings", siblings(1000), wire.Request{ID: "1", Method: "m", Params: json.RawMessage(strings.TrimSuffix(strings.SplitN(siblings(1000), `"params":`, 2)[1], "}"))}, "", ""},
		{"deep behind siblings", strings.Replace(nested(33), `"params":`, `"x":[[],[],{},{}],"params":`, 1), wire.Request{}, wit.CodeTooLarge, "depth"},
		{"deep behind an escaped quote", strings.Replace(nested(33), `"params":`, `"x":"\"","params":`, 1), wire.Request{}, wit.CodeTooLarge, "depth"},
		{"deep behind an escaped backslash", strings.Replace(nested(33), `"params":`, `"x":"\\","params":`, 1), wire.Request{}, wit.CodeTooLarge, "depth"},
		{"brackets behind an escaped backslash", `{"x":"\\","y":"` + strings.Repeat("[", 40) + `","type":"req","id":"1","method":"m"}`, wire.Request{ID: "1", Method: "m"}, "", ""},
		{"brackets behind an escaped quote", `{"x":"\"` + strings.Repeat("[", 40) + `","type":"req","id":"1","method":"m"}`, wire.Request{ID: "1", Method: "m"}, "", ""},
		{"wrong type", `{"type":"res","id":"1","method":"m"}`, wire.Request{ID: "1"}, wit.CodeInvalid, "/type"},
		{"no type", `{"id":"1","method":"m"}`, wire.Request{ID: "1"}, wit.CodeInvalid, "/type"},
		{"no method", `{"type":"req","id":"1"}`, wire.Request{ID: "1"}, wit.CodeInvalid, "/method"},
		{"blank method", `{"type":"req","id":"1","method":" "}`, wire.Request{ID: "1"}, wit.CodeInvalid, "/method"},
		{"object method", `{"type":"req","id":"1","method":{}}`, wire.Request{ID: "1"}, wit.CodeInvalid, "/method"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.DecodeRequest([]byte(tt.frame))
			if wit.CodeOf(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("error = %v (%s), want %s with %q", err, wit.CodeOf(err), tt.code, tt.text)
			}
			if got.ID != tt.want.ID || err == nil && (got.Method != tt.want.Method || string(got.Params) != string(tt.want.Params)) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// FuzzFrame checks that what is accepted is what encoding/json sees, and that nothing deep gets there.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{nested(3), nested(40), `{"type":"req","id":"\ud800","method":"m"}`, `{"type":"req","id":"1","method":"m","params":"\"}"}`, "\xff{", `{"ID":"1","type":"req","method":"m"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := wire.DecodeRequest(b)
		if err != nil {
			if c := wit.CodeOf(err); c != wit.CodeInvalid && c != wit.CodeTooLarge {
				t.Fatalf("code %s", c)
			}
			return
		}
		var want struct {
			Type, ID, Method string
			Params           json.RawMessage
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("accepted what is no frame: %v", err)
		}
		if r.ID != want.ID || r.Method != want.Method || string(r.Params) != string(want.Params) {
			t.Fatalf("got %+v, want %+v", r, want)
		}
		if len(r.Params) > 0 && !json.Valid(r.Params) {
			t.Fatalf("params are not JSON: %q", r.Params)
		}
	})
}

func BenchmarkDecodeRequest(b *testing.B) {
	frame := []byte(`{"type":"req","id":"12345","method":"chat.history","params":{"sessionKey":"main","limit":200}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeRequest(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAppend(t *testing.T) {
	ms := int64(250)
	tests := []struct{ got, want string }{
		{string(wire.AppendResultHead(nil, `a"b`)) + `{"x":1}}`, `{"type":"res","id":"a\"b","ok":true,"payload":{"x":1}}`},
		{string(wire.AppendFailure(nil, "1", &wire.Error{Code: "UNAVAILABLE", Message: "m", Retryable: true, RetryAfterMs: &ms})), `{"type":"res","id":"1","ok":false,"error":{"code":"UNAVAILABLE","message":"m","retryable":true,"retryAfterMs":250}}`},
		{string(wire.AppendFailure(nil, "1", &wire.Error{Code: "C", Message: "m", Details: func() {}})), `{"type":"res","id":"1","ok":false,"error":{"code":"C","message":"m"}}`},
		{string(wire.AppendSeq(wire.AppendEvent(nil, "tick", json.RawMessage(`{"ts":1}`), nil), 7)), `{"type":"event","event":"tick","payload":{"ts":1},"seq":7}`},
		{string(wire.AppendSeq(wire.AppendEvent(nil, "x", nil, &wire.StateVersion{Presence: 2, Health: 3}), 0)), `{"type":"event","event":"x","stateVersion":{"presence":2,"health":3}}`},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got  %s\nwant %s", tt.got, tt.want)
		}
	}
}

// TestAppendString: an id comes back as encoding/json writes it, whatever is in it.
func TestAppendString(t *testing.T) {
	for c := range 0x102 {
		id := "a" + string(rune(c)) + "z"
		want, _ := json.Marshal(id)
		if got := string(wire.AppendResultHead(nil, id)); got != `{"type":"res","id":`+string(want)+`,"ok":true,"payload":` {
			t.Errorf("%q: %s", id, got)
		}
	}
}

func TestReason(t *testing.T) {
	long := strings.Repeat("é", 100)
	if got := wire.Reason(long); len(got) > wire.MaxReason || len(got) < wire.MaxReason-2 || strings.ContainsRune(got, '\ufffd') {
		t.Errorf("Reason cut to %d bytes: %q", len(got), got)
	}
	if got := wire.Reason("short"); got != "short" {
		t.Errorf("Reason(short) = %q", got)
	}
}
