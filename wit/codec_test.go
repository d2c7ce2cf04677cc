package wit_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// fill sets every field below v to something that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[wit.JSON]():
		v.Set(reflect.ValueOf(wit.JSON(`{"a":[1,null,"\u00e9"]}`)))
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte{0, 255, byte(*n)})
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case v.Kind() == reflect.String:
		v.SetString("value \"é\" 🙂\n" + strings.Repeat("x", *n%5))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(-int64(*n))
	case v.CanUint():
		v.SetUint(uint64(*n))
	case v.CanFloat():
		v.SetFloat(float64(*n) / 3)
	default:
		panic("fill: " + v.Type().String())
	}
}

// plain gives encoding/json's view of a struct by its tags alone, without our methods.
func plain(v reflect.Value) any {
	switch {
	case v.Type() == reflect.TypeFor[wit.JSON]():
		return json.RawMessage(v.Bytes())
	case v.Type() == reflect.TypeFor[[]byte]():
		return v.Bytes()
	case v.Kind() == reflect.Struct:
		object := map[string]any{}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			object[name] = plain(v.Field(i))
		}
		return object
	case v.Kind() == reflect.Pointer:
		return plain(v.Elem())
	case v.Kind() == reflect.Slice:
		var list []any
		for i := range v.Len() {
			list = append(list, plain(v.Index(i)))
		}
		return list
	}
	return v.Interface()
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("encoding/json refuses %s: %v", data, err)
	}
	return v
}

func TestEveryTypeAgreesWithEncodingJSON(t *testing.T) {
	for _, v := range wit.Records() {
		name := reflect.TypeOf(v).Elem().Name()
		n := 0
		fill(reflect.ValueOf(v).Elem(), &n)
		ours := codec.Marshal(v)
		theirs, err := json.Marshal(plain(reflect.ValueOf(v).Elem()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(decode(t, ours), decode(t, theirs)) {
			t.Errorf("%s written\n ours   %s\n theirs %s", name, ours, theirs)
		}
		back := reflect.New(reflect.TypeOf(v).Elem()).Interface().(wit.Record)
		if err := codec.Unmarshal(theirs, back); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(v, back) {
			t.Errorf("%s read back as\n %+v, want\n %+v", name, back, v)
		}
	}
}

func TestZeroValuesAreLeftOut(t *testing.T) {
	for _, v := range wit.Records() {
		if got := string(codec.Marshal(v)); got != "{}" {
			t.Errorf("zero %T is %s, want {}", v, got)
		}
	}
}

func TestMissingEnumIsItsFirstCase(t *testing.T) {
	var facts wit.ChannelFacts
	if err := wit.UnmarshalStrict([]byte(`{"label":"x","markup":null}`), &facts); err != nil {
		t.Fatal(err)
	}
	if facts.LengthUnit != wit.LengthUnitBytes || facts.Markup != wit.MarkupPlain {
		t.Errorf("got %q and %q, want the first cases", facts.LengthUnit, facts.Markup)
	}
}

func TestNullIsTheSameAsLeftOut(t *testing.T) {
	var v, zero wit.ChannelEvent
	data := `{"kind":null,"account":null,"config":null,"state":null,"now":null,"response":null,"timer":null,"message":null}`
	if err := wit.UnmarshalStrict([]byte(data), &v); err != nil {
		t.Fatal(err)
	}
	if err := wit.UnmarshalStrict([]byte(`{}`), &zero); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, zero) {
		t.Errorf("got %+v, want %+v", v, zero)
	}
}

func TestPresentZeroOfAnOptionIsKept(t *testing.T) {
	in := wit.HTTPRequest{Text: new("")}
	data := wit.Marshal(&in)
	if string(data) != `{"text":""}` {
		t.Fatalf("got %s", data)
	}
	var out wit.HTTPRequest
	if err := wit.Unmarshal(data, &out); err != nil || out.Text == nil || *out.Text != "" {
		t.Errorf("got %v, %v", out.Text, err)
	}
}

func TestUnknown(t *testing.T) {
	data := []byte(`{"messages":[{"id":"1"},{"id":"2","sender":{"nick":"x"},"kind":"shout"}],"extra":{"deep":[1]}}`)
	var answer wit.ChannelAnswer
	if err := wit.Unmarshal(data, &answer); err != nil || len(answer.Messages) != 2 {
		t.Fatalf("got %+v, %v", answer, err)
	}
	unknown, err := wit.UnmarshalReport(data, &answer)
	want := []string{"messages[1].sender.nick: unknown field", "messages[1].kind: unknown case", "extra: unknown field"}
	if err != nil || !slices.Equal(unknown, want) {
		t.Errorf("reported %q, %v, want %q", unknown, err, want)
	}
	err = wit.UnmarshalStrict(data, &answer)
	if wit.CodeOf(err) != wit.CodeInvalid || !strings.HasPrefix(err.Error(), "messages[1].sender.nick: unknown field") {
		t.Errorf("strict: %v", err)
	}
}

func TestListLimit(t *testing.T) {
	list := func(n int) []byte {
		return []byte(`{"requests":[` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + `]}`)
	}
	var answer wit.ChannelAnswer
	if err := wit.Unmarshal(list(16), &answer); err != nil || len(answer.Requests) != 16 {
		t.Errorf("16 requests: %d, %v", len(answer.Requests), err)
	}
	if err := wit.Unmarshal(list(17), &answer); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("17 requests: %v, want invalid", err)
	}
}

func TestEncodingJSONUsesTheCodec(t *testing.T) {
	in := wit.Message{ID: "1", Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "c"}}
	data, err := json.Marshal(map[string]any{"m": in, "p": &in})
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]wit.Message
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	in.Kind, in.Conversation.Kind = wit.MessageKindText, wit.ConversationKindGroup
	if !reflect.DeepEqual(out["m"], in) || !reflect.DeepEqual(out["p"], in) {
		t.Errorf("got %+v, want %+v", out, in)
	}
}

func TestFunctions(t *testing.T) {
	names := wit.ExportNames()
	if !slices.Contains(names, "channel_event") || !slices.Contains(names, "schedule_fire") {
		t.Errorf("exports are %q", names)
	}
	if got := wit.CapabilityOf("provider_chunk"); got != "provider" {
		t.Errorf("provider_chunk belongs to %q", got)
	}
	if got := wit.CapabilityOf("main"); got != "" {
		t.Errorf("main belongs to %q", got)
	}
	for name, want := range map[string]string{"kv_get": "kv", "log_write": "", "http_request": "http"} {
		if got, known := wit.PermissionOf(name); got != want || !known {
			t.Errorf("%s needs %q (known %t), want %q", name, got, known, want)
		}
	}
	if _, known := wit.PermissionOf("exec"); known {
		t.Error("exec is known")
	}
}

func bigAnswer() *wit.ChannelAnswer {
	answer := &wit.ChannelAnswer{State: wit.JSON(`{"offset":12345678}`)}
	for range 20 {
		answer.Messages = append(answer.Messages, wit.Message{
			ID: "8723648", Kind: wit.MessageKindText, Text: strings.Repeat("Hello, wörld. ", 8),
			Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-100123", Name: new("room")},
			Sender:       wit.Person{ID: "42", Name: new("Ada")}, Time: 1764000000000,
		})
	}
	return answer
}

// tagged has the tags of the generated types and none of their methods.
type tagged struct {
	Messages []struct {
		ID, Kind, Text string
		Conversation   struct {
			Kind, ID string
			Name     *string `json:",omitempty"`
		}
		Sender struct {
			ID   string
			Name *string `json:",omitempty"`
		}
		Time int64
	}
	State json.RawMessage
}

func BenchmarkWrite(b *testing.B) {
	answer := bigAnswer()
	data := codec.Marshal(answer)
	b.Run("codec", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = answer.AppendJSON(buf[:0])
		}
	})
	b.Run("encoding", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		var v tagged
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := json.Marshal(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	data := codec.Marshal(bigAnswer())
	b.Run("codec", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var v wit.ChannelAnswer
			if err := codec.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var v tagged
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
