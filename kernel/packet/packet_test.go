package packet_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carapace-gateway/carapace/kernel/packet"
	"github.com/carapace-gateway/carapace/wit"
)

// bedrock is how an AWS event stream frames its messages, mqtt how MQTT does.
var (
	bedrock = &wit.LengthPrefix{Whole: true}
	mqtt    = &wit.LengthPrefix{Offset: 1, Form: wit.LengthFormVarint}
)

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		prefix  *wit.LengthPrefix
		packets []string
	}{
		"four bytes":     {nil, []string{"\x00\x00\x00\x02ab", "\x00\x00\x00\x00", "\x00\x00\x00\x01c"}},
		"two bytes":      {&wit.LengthPrefix{Form: wit.LengthFormTwoBytes}, []string{"\x00\x02ab", "\x01\x00" + strings.Repeat("x", 256)}},
		"one byte":       {&wit.LengthPrefix{Form: wit.LengthFormOneByte}, []string{"\x02ab", "\x00", "\xff" + strings.Repeat("x", 255)}},
		"whole":          {bedrock, []string{"\x00\x00\x00\x06ab", "\x00\x00\x00\x04"}},
		"behind a head":  {&wit.LengthPrefix{Offset: 3, Form: wit.LengthFormTwoBytes, Whole: true}, []string{"abc\x00\x06d", "abc\x00\x05"}},
		"in seven bits":  {mqtt, []string{"0\x02ab", "\xd0\x00", "0\x80\x02" + strings.Repeat("x", 256), "0\xff\x7f" + strings.Repeat("y", 16383)}},
		"amqp":           {&wit.LengthPrefix{Offset: 3, Extra: 1}, []string{"\x01\x00\x00\x00\x00\x00\x02ab\xce", "\x08\x00\x00\x00\x00\x00\x00\xce"}},
		"mysql":          {&wit.LengthPrefix{Form: wit.LengthFormThreeBytes, LowFirst: true, Extra: 1}, []string{"\x02\x00\x00\x07ab", "\x00\x01\x00\x08" + strings.Repeat("x", 256)}},
		"postgres":       {&wit.LengthPrefix{Offset: 1, Extra: -4}, []string{"Z\x00\x00\x00\x05I", "S\x00\x00\x00\x04"}},
		"three bytes":    {&wit.LengthPrefix{Form: wit.LengthFormThreeBytes}, []string{"\x00\x00\x02ab"}},
		"none there are": {mqtt, nil},
	} {
		t.Run(name, func(t *testing.T) {
			stream := strings.Join(c.packets, "")
			for _, r := range []io.Reader{strings.NewReader(stream), iotest.OneByteReader(strings.NewReader(stream))} {
				for i, want := range c.packets {
					if got, err := packet.Read(r, c.prefix, 20_000); err != nil || string(got) != want {
						t.Fatalf("packet %d is %.20q, %v", i, got, err)
					}
				}
				if got, err := packet.Read(r, c.prefix, 20_000); !errors.Is(err, io.EOF) {
					t.Errorf("behind the last one came %q, %v", got, err)
				}
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		prefix *wit.LengthPrefix
		stream string
		code   wit.Code
	}{
		"a packet over the limit":       {nil, "\x00\x00\x00\x7d" + strings.Repeat("x", 125), wit.CodeTooLarge},
		"the largest length":            {nil, "\xff\xff\xff\xff", wit.CodeTooLarge},
		"the largest of seven bits":     {mqtt, "0\xff\xff\xff\x7f", wit.CodeTooLarge},
		"a length of five bytes":        {mqtt, "0\x80\x80\x80\x80\x01", wit.CodeUnavailable},
		"a length below the least":      {&wit.LengthPrefix{Extra: -4}, "\x00\x00\x00\x03", wit.CodeUnavailable},
		"a whole that has no place":     {bedrock, "\x00\x00\x00\x03", wit.CodeUnavailable},
		"an end in the head":            {&wit.LengthPrefix{Offset: 2}, "a", ""},
		"an end before the length":      {mqtt, "0", ""},
		"an end in the length":          {nil, "\x00\x00", ""},
		"an end in the seven bits":      {mqtt, "0\x80", ""},
		"an end before what it is of":   {nil, "\x00\x00\x00\x02", ""},
		"an end in the middle":          {nil, "\x00\x00\x00\x02a", ""},
		"an end with a source's reason": {nil, "", wit.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			var r io.Reader = strings.NewReader(c.stream)
			if c.code == wit.CodeForbidden {
				r = iotest.ErrReader(wit.NewError(wit.CodeForbidden, "no"))
			}
			_, err := packet.Read(r, c.prefix, 128)
			if c.code == "" && !errors.Is(err, io.ErrUnexpectedEOF) || c.code != "" && wit.CodeOf(err) != c.code {
				t.Errorf("%v", err)
			}
		})
	}
	if got, err := packet.Read(strings.NewReader("\x00\x00\x00\x7c"+strings.Repeat("x", 124)), nil, 128); err != nil || len(got) != 128 {
		t.Errorf("a packet at the limit: %d bytes, %v", len(got), err)
	}
}

// TestAClaimTakesNoMemory: the length that a packet claims is not made room for before it comes.
func TestAClaimTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		_, _ = packet.Read(strings.NewReader("\x00\x0f\xff\xf0x"), nil, 1<<20)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 10<<20 {
		t.Errorf("100 packets of one byte took %d bytes", took)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("0\x02ab"), byte(1), byte(3), false)
	f.Add([]byte("\x00\x00\x00\x06ab"), byte(0), byte(0), true)
	forms := []wit.LengthForm{wit.LengthFormFourBytes, wit.LengthFormTwoBytes, wit.LengthFormOneByte, wit.LengthFormVarint}
	f.Fuzz(func(t *testing.T, stream []byte, offset, form byte, whole bool) {
		prefix := &wit.LengthPrefix{Offset: uint32(offset % 17), Form: forms[form%4], Whole: whole}
		r, rest := bytes.NewReader(stream), stream
		for {
			got, err := packet.Read(r, prefix, 64)
			if err != nil {
				return
			}
			if len(got) == 0 || len(got) > 64 || !bytes.HasPrefix(rest, got) {
				t.Fatalf("%q of %q", got, rest)
			}
			rest = rest[len(got):]
		}
	})
}

func TestAppendLength(t *testing.T) {
	for name, c := range map[string]struct {
		prefix wit.LengthPrefix
		n      int
		want   string
		code   wit.Code
	}{
		"four bytes":            {n: 258, want: "\x00\x00\x01\x02"},
		"three, lowest first":   {prefix: wit.LengthPrefix{Form: wit.LengthFormThreeBytes, LowFirst: true, Extra: 1}, n: 258, want: "\x01\x01\x00"},
		"two bytes":             {prefix: wit.LengthPrefix{Form: wit.LengthFormTwoBytes}, n: 65535, want: "\xff\xff"},
		"one byte":              {prefix: wit.LengthPrefix{Form: wit.LengthFormOneByte}, want: "\x00"},
		"itself":                {prefix: wit.LengthPrefix{Whole: true}, n: 3, want: "\x00\x00\x00\x07"},
		"itself, said by extra": {prefix: wit.LengthPrefix{Extra: -4}, n: 3, want: "\x00\x00\x00\x07"},
		"seven bits":            {prefix: wit.LengthPrefix{Form: wit.LengthFormVarint}, n: 321, want: "\xc1\x02"},
		"the most of seven":     {prefix: wit.LengthPrefix{Form: wit.LengthFormVarint}, n: 1<<28 - 1, want: "\xff\xff\xff\x7f"},
		"no room in seven":      {prefix: wit.LengthPrefix{Form: wit.LengthFormVarint}, n: 1 << 28, code: wit.CodeTooLarge},
		"no room in two":        {prefix: wit.LengthPrefix{Form: wit.LengthFormTwoBytes}, n: 65536, code: wit.CodeTooLarge},
		"no room with itself":   {prefix: wit.LengthPrefix{Form: wit.LengthFormOneByte, Whole: true}, n: 255, code: wit.CodeTooLarge},
		"less than nothing":     {prefix: wit.LengthPrefix{Extra: 1}, code: wit.CodeTooLarge},
		"an offset":             {prefix: wit.LengthPrefix{Offset: 1}, code: wit.CodeInvalid},
		"a varint with itself":  {prefix: wit.LengthPrefix{Form: wit.LengthFormVarint, Whole: true}, code: wit.CodeInvalid},
	} {
		b, err := packet.AppendLength([]byte("<"), &c.prefix, c.n)
		if wit.CodeOf(err) != c.code || c.code == "" && string(b) != "<"+c.want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}
