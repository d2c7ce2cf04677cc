package wit_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// jsonOf returns JSON of n bytes, an object when n is at least 2.
func jsonOf(n int) wit.JSON {
	switch n {
	case 0:
		return nil
	case 1:
		return wit.JSON("0")
	}
	if n < 8 {
		return wit.JSON("{" + strings.Repeat(" ", n-2) + "}")
	}
	return wit.JSON(`{"a":"` + strings.Repeat("x", n-8) + `"}`)
}

// bounds by record and field, without those of items.
var bounds = func() map[string]wit.Bound {
	all := map[string]wit.Bound{}
	for _, b := range wit.Bounded() {
		if !b.Item {
			all[b.Record+"."+b.Field] = b
		}
	}
	return all
}()

// text returns a text of n bytes that a field takes but for its length.
func text(b wit.Bound, n int) (string, bool) {
	if b.Pattern != nil {
		return b.Pattern.Sample(n)
	}
	return strings.Repeat("x", n), true
}

// complete makes a record valid: what has to be there is there.
func complete(v reflect.Value) {
	name := v.Type().Name()
	for i := range v.NumField() {
		f := v.Field(i)
		b, bounded := bounds[name+"."+v.Type().Field(i).Name]
		switch {
		case f.Kind() == reflect.Struct:
			complete(f)
		case !bounded || b.Default:
		case f.Type() == reflect.TypeFor[wit.JSON]():
			if b.Required || b.Low > 0 {
				f.SetBytes(jsonOf(max(int(b.Low), 2)))
			}
		case f.Kind() == reflect.String && f.Type() != reflect.TypeFor[string]():
			if b.Required { // an enum
				f.SetString(firstCase(f.Type()))
			}
		case f.Kind() == reflect.String:
			for n := 1; n < 80; n++ {
				if s, ok := text(b, n); ok && int64(n) >= b.Low {
					f.SetString(s)
					break
				}
			}
		case f.Kind() == reflect.Slice && (b.Required || b.Low > 0):
			grow(f, max(int(b.Low), 1))
		case f.CanInt() && b.Low > 0:
			f.SetInt(b.Low)
		case f.CanUint() && b.Low > 0:
			f.SetUint(uint64(b.Low))
		}
	}
	choose(v)
}

// choose sets the first of the fields of which one has to be set.
func choose(v reflect.Value) {
	rec := v.Addr().Interface().(wit.Record)
	for i := range v.NumField() {
		f := v.Field(i)
		if err := rec.Validate(); err == nil || !strings.Contains(err.Error(), "give one of them") {
			return
		}
		if f.Kind() == reflect.Pointer && f.IsNil() {
			f.Set(reflect.New(f.Type().Elem()))
			if f.Elem().Kind() == reflect.Struct {
				complete(f.Elem())
			}
			switch b, ok := bounds[v.Type().Name()+"."+v.Type().Field(i).Name]; {
			case ok && f.Elem().CanInt():
				f.Elem().SetInt(max(b.Low, 0))
			case ok && f.Elem().Kind() == reflect.String && b.Low > 0:
				s, _ := text(b, int(b.Low))
				f.Elem().SetString(s)
			}
			if err := rec.Validate(); err != nil {
				f.SetZero()
			}
		}
	}
}

// firstCase finds a case of an enum: all of them read an empty text as their first.
func firstCase(t reflect.Type) string {
	v := reflect.New(t)
	if err := wit.Unmarshal([]byte("null"), v.Interface().(codec.Receiver)); err != nil {
		panic(err)
	}
	return v.Elem().String()
}

// grow gives a list n items that are valid.
func grow(list reflect.Value, n int) {
	list.Set(reflect.MakeSlice(list.Type(), n, n))
	for i := range n {
		switch item := list.Index(i); {
		case item.Kind() == reflect.Struct:
			complete(item)
		case item.CanUint():
			item.SetUint(1)
		case item.Type() != reflect.TypeFor[string]():
			item.SetString(firstCase(item.Type()))
		default:
			item.SetString("x")
		}
	}
}

// fillItems gives the texts of a list what their own bounds ask for.
func fillItems(record reflect.Value, field string) {
	for _, b := range wit.Bounded() {
		if b.Item && b.Record == record.Type().Name() && b.Field == field {
			for i := range record.FieldByName(field).Len() {
				for n := 1; n < 80; n++ {
					if s, ok := text(b, n); ok {
						record.FieldByName(field).Index(i).SetString(s)
						break
					}
				}
			}
		}
	}
}

// set makes a field n long, or n; false where the field has no such value.
func set(record reflect.Value, b wit.Bound, n int64) bool {
	f := record.FieldByName(b.Field)
	if b.Item {
		s, ok := text(b, int(n))
		f.Set(reflect.ValueOf([]string{s}))
		return ok
	}
	if f.Kind() == reflect.Pointer {
		f.Set(reflect.New(f.Type().Elem()))
		f = f.Elem()
	}
	switch {
	case f.Type() == reflect.TypeFor[wit.JSON]():
		f.SetBytes(jsonOf(int(n)))
	case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Uint8:
		f.SetBytes(make([]byte, n))
	case f.Kind() == reflect.Slice:
		grow(f, int(n))
		fillItems(record, b.Field)
	case f.Kind() == reflect.String:
		s, ok := text(b, int(n))
		if !ok && b.Pattern != nil {
			return false
		}
		f.SetString(s)
	case f.CanInt():
		f.SetInt(n)
	case f.CanUint():
		if n < 0 || f.OverflowUint(uint64(n)) {
			return false
		}
		f.SetUint(uint64(n))
	}
	return true
}

// TestEveryBound: of each field with a bound, what is at the bound is accepted, and what is one beyond
// is refused with the field's name.
func TestEveryBound(t *testing.T) {
	tried := 0
	for _, b := range wit.Bounded() {
		try := func(n int64, ok bool) {
			rec := b.New()
			v := reflect.ValueOf(rec).Elem()
			complete(v)
			for i := range v.NumField() {
				fillTexts(v, v.Type().Field(i).Name)
			}
			oneOf(v, b)
			if !set(v, b, n) {
				return
			}
			tried++
			name := strings.ToLower(b.Field)
			err := rec.Validate()
			code := wit.CodeOf(err)
			if (err == nil) != ok || err != nil && (!strings.HasPrefix(strings.ToLower(err.Error()), name) || code != wit.CodeInvalid && code != wit.CodeTooLarge) {
				t.Errorf("%s.%s (item %t) of %d: %v, want accepted %t", b.Record, b.Field, b.Item, n, err, ok)
			}
		}
		if b.High < math.MaxInt64 {
			try(b.High, true)
			try(b.High+1, false)
		}
		if b.Low > math.MinInt64 {
			try(b.Low, true)
			if b.Low > 0 && !b.Default || b.Low == 0 || b.Low > 1 {
				try(b.Low-1, false)
			}
		}
	}
	if tried < 150 {
		t.Errorf("only %d values were tried", tried)
	}
}

func fillTexts(v reflect.Value, field string) {
	if f := v.FieldByName(field); f.Kind() == reflect.Slice && f.Type().Elem() == reflect.TypeFor[string]() {
		fillItems(v, field)
	}
}

// oneOf clears the choice when the field itself is one of those of which only one may be set.
func oneOf(v reflect.Value, b wit.Bound) {
	chosen := func(f reflect.Value) bool {
		return f.Kind() == reflect.Pointer || f.Type() == reflect.TypeFor[[]byte]()
	}
	if f := v.FieldByName(b.Field); !chosen(f) || !f.IsNil() {
		return
	}
	probe := reflect.New(v.Type()).Elem()
	probe.Set(v)
	set(probe, b, max(b.Low, 1))
	if err := probe.Addr().Interface().(wit.Record).Validate(); err == nil || !strings.Contains(err.Error(), "give one of them") {
		return
	}
	for i := range v.NumField() {
		if chosen(v.Field(i)) {
			v.Field(i).SetZero()
		}
	}
}

// TestCompleteRecords: a record with what it has to have is valid, and so is what is read from its JSON.
func TestCompleteRecords(t *testing.T) {
	for _, rec := range wit.Records() {
		v := reflect.ValueOf(rec).Elem()
		complete(v)
		for i := range v.NumField() {
			fillTexts(v, v.Type().Field(i).Name)
		}
		if err := rec.Validate(); err != nil {
			t.Errorf("%T: %v", rec, err)
		}
	}
}

// TestValidate: problems are named by their paths, and the code says what they are.
func TestValidate(t *testing.T) {
	message := wit.Message{ID: "1", Conversation: wit.Conversation{ID: "c"}}
	bad := message
	bad.Conversation.ID = ""
	loud := message
	loud.Text = strings.Repeat("x", wit.MessageTextMax+1)
	for name, c := range map[string]struct {
		v    wit.Record
		code wit.Code
		want string
	}{
		"good":       {&wit.ChannelAnswer{Messages: []wit.Message{message}}, "", ""},
		"path":       {&wit.ChannelAnswer{Messages: []wit.Message{message, message, message, bad}}, wit.CodeInvalid, "messages[3].conversation.id: is missing"},
		"too large":  {&wit.ChannelAnswer{Messages: []wit.Message{loud}}, wit.CodeTooLarge, "messages[0].text: has 1048577 bytes, at most 1048576 are allowed"},
		"both":       {&wit.ChannelAnswer{Messages: []wit.Message{bad, loud}}, wit.CodeInvalid, "messages[0].conversation.id: is missing; messages[1].text: has"},
		"enum":       {&wit.ChannelAnswer{Status: &wit.AccountStatus{State: "asleep"}}, wit.CodeInvalid, `status.state: "asleep" is not known`},
		"open enum":  {&wit.LogLine{Level: "loud"}, "", ""},
		"default":    {&wit.WebhookReply{}, "", ""},
		"number":     {&wit.WebhookReply{Status: 99}, wit.CodeInvalid, "status: 99 is not 200 to 599"},
		"neither":    {&wit.ProviderPlan{}, wit.CodeInvalid, "request, answer: give one of them"},
		"both of":    {&wit.ProviderPlan{Request: &wit.HTTPRequest{}, Answer: &wit.ProviderAnswer{}}, wit.CodeInvalid, "give one of them"},
		"object":     {&wit.HookDecision{Modify: wit.JSON(`[1]`)}, wit.CodeInvalid, "modify: is not an object"},
		"operation":  {&wit.ChannelFacts{Label: "x", Operations: []string{"edit", "send"}}, wit.CodeInvalid, `operations[1]: "send" is none of edit, delete`},
		"blank":      {&wit.ChannelFacts{Label: " "}, wit.CodeInvalid, "label: is missing"},
		"pattern":    {&wit.EmittedEvent{Name: "A b"}, wit.CodeInvalid, `name: "A b" is not 1 to 64 of a-z 0-9 . _ -`},
		"no pattern": {&wit.EmittedEvent{}, wit.CodeInvalid, "name: is missing"},
		"item":       {&wit.Sent{IDs: []string{"1", ""}}, wit.CodeInvalid, "ids[1]: is missing"},
	} {
		err := c.v.Validate()
		if wit.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s %q", name, err, c.code, c.want)
		}
	}
	many := &wit.Sent{IDs: make([]string, 100)}
	if n := strings.Count(many.Validate().Error(), "missing"); n != 8 {
		t.Errorf("%d problems are named", n)
	}
}

func TestValidateAllocatesNothing(t *testing.T) {
	answer := bigAnswer()
	if n := testing.AllocsPerRun(100, func() {
		if answer.Validate() != nil {
			t.Fatal("not valid")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPatterns compares the tables with what they were made of, on the texts that tell them apart.
func TestPatterns(t *testing.T) {
	type texts struct{ good, bad []string }
	for field, c := range map[string]texts{
		"Manifest.ID":    {[]string{"a", "good-one", "0"}, []string{"", "-a", "Good", "a_b", "é"}},
		"Manifest.Entry": {[]string{"plugin.wasm", "b.c.wasm#good-one"}, []string{"", "../plugin.wasm", "a/plugin.wasm", "plugin.exe", "plugin.wasm#", ".wasm"}},
	} {
		for _, s := range c.good {
			if !bounds[field].Pattern.Match(s) {
				t.Errorf("%s refuses %q", field, s)
			}
		}
		for _, s := range c.bad {
			if bounds[field].Pattern.Match(s) {
				t.Errorf("%s takes %q", field, s)
			}
		}
	}
	for _, b := range wit.Bounded() {
		if b.Record != "HTTPPermission" || !b.Item {
			continue
		}
		for text, want := range map[string]bool{"Hosts config:url": true, "Hosts config:": false, "Hosts *.example.org:8443": true, "Hosts a.*.org": false, "Hosts *": false,
			"Hosts https://x": false, "Hosts a..b": false, "Hosts a-": false, "Hosts a:123456": false, "Paths /v1/": true, "Paths /a/../": false, "Paths /a.b/.": true, "Paths v1": false,
			"Paths /é": true, "Methods GET": true, "Methods get": false} {
			field, value, _ := strings.Cut(text, " ")
			if field == b.Field && b.Pattern.Match(value) != want {
				t.Errorf("%s: %t", text, !want)
			}
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	answer := bigAnswer()
	b.ReportAllocs()
	for b.Loop() {
		if err := answer.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestErrorAfter rounds up, so that nobody comes too early, and keeps the cause.
func TestErrorAfter(t *testing.T) {
	cause := wit.NewError(wit.CodeConflict, "the cause")
	for wait, want := range map[time.Duration]int64{0: 1, -time.Second: 1, time.Nanosecond: 1, time.Millisecond: 1, time.Millisecond + 1: 2, time.Minute: 60_000} {
		err := wit.ErrorAfter(wit.CodeRateLimited, wait, "%d of them: %w", 3, cause)
		e := wit.AsError(fmt.Errorf("outside: %w", err))
		if e.Code != wit.CodeRateLimited || !e.Retryable || e.RetryAfter == nil || *e.RetryAfter != want || e.Message != "3 of them: the cause" || !errors.Is(err, &wit.Error{Code: wit.CodeConflict}) {
			t.Errorf("%v: %+v", wait, e)
		}
		if outer := wit.AsError(wit.Errorf(wit.CodeUnavailable, "outside: %w", err)); outer.RetryAfter == nil || *outer.RetryAfter != want {
			t.Errorf("%v, wrapped: %+v", wait, outer)
		}
	}
}
