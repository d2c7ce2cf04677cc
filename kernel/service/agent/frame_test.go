package agent

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// frames reads to the end, which comes before so many frames.
func frames(f framer) (out []frame, err error) {
	for range 100_000 {
		fr, err := f.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out, err
		}
		out = append(out, fr)
	}
	return out, errors.New("there is no end")
}

// over is a body that nobody goes on reading once it is over.
type over struct {
	r     io.Reader
	after int
}

func (o *over) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil {
		if o.after++; o.after > 100 {
			panic("it is read again and again after its end")
		}
	}
	return n, err
}

func TestFramers(t *testing.T) {
	for name, c := range map[string]struct {
		framing wit.Framing
		body    string
		want    []frame
	}{
		"events":             {wit.FramingSSE, "data: a\n\ndata: b\n\n", []frame{{data: "a"}, {data: "b"}}},
		"names":              {wit.FramingSSE, "event: x\ndata: a\n\ndata: b\n\n", []frame{{name: "x", data: "a"}, {data: "b"}}},
		"several lines":      {wit.FramingSSE, "data: a\ndata:  b\ndata\n\n", []frame{{data: "a\n b\n"}}},
		"line ends":          {wit.FramingSSE, "data: a\r\n\r\ndata: b\r\rdata: c\n\n", []frame{{data: "a"}, {data: "b"}, {data: "c"}}},
		"\r\n inside":        {wit.FramingSSE, "data: a\r\ndata: b\r\n\r\n", []frame{{data: "a\nb"}}},
		"comments and noise": {wit.FramingSSE, ": ping\n\nid: 7\nretry: 5\nfoo: bar\ndata: a\n\n\n\n", []frame{{data: "a"}}},
		"no data":            {wit.FramingSSE, "event: x\n\ndata: a\n\n", []frame{{data: "a"}}},
		"empty data":         {wit.FramingSSE, "data:\n\n", []frame{{data: ""}}},
		"cut off":            {wit.FramingSSE, "data: a\n\ndata: b", []frame{{data: "a"}, {data: "b"}}},
		"byte order mark":    {wit.FramingSSE, "\uFEFFdata: a\n\n", []frame{{data: "a"}}},
		"not UTF-8":          {wit.FramingSSE, "data: a\xffb\n\n", []frame{{data: "a\uFFFDb"}}},
		"nothing":            {wit.FramingSSE, "", nil},
		"lines":              {wit.FramingNDJSON, "{1}\n\n  {2} \r\n{3}", []frame{{data: "{1}"}, {data: "{2}"}, {data: "{3}"}}},
		"body":               {wit.FramingJSON, "{\n1}\n", []frame{{data: "{\n1}\n"}}},
		"empty body":         {wit.FramingJSON, "", []frame{{data: ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.body), iotest.OneByteReader(strings.NewReader(c.body)), iotest.DataErrReader(strings.NewReader(c.body))} {
				got, err := frames(newFramer(c.framing, nil, maxStream, &over{r: r}))
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
}

// TestFrameAsAnEvent: an event of the stream has a name where the server gave one.
func TestFrameAsAnEvent(t *testing.T) {
	if e := (&frame{name: "x", data: "a"}).event(); e.Kind != wit.StreamEventKindData || e.Data != "a" || e.Name == nil || *e.Name != "x" {
		t.Errorf("%+v", e)
	}
	if e := (&frame{data: "a"}).event(); e.Data != "a" || e.Name != nil {
		t.Errorf("without a name: %+v", e)
	}
	if e := (&frame{data: "\xff\x00", binary: true}).event(); e.Data != "" || string(e.Bytes) != "\xff\x00" {
		t.Errorf("of bytes: %+v", e)
	}
}

// TestBinaryFramers: packets come whole whatever pieces the body comes in, and bytes as they come.
func TestBinaryFramers(t *testing.T) {
	const body = "\x00\x00\x00\x06a\xff\x00\x00\x00\x04"
	whole := []frame{{data: body[:6], binary: true}, {data: body[6:], binary: true}}
	for _, r := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body)), iotest.DataErrReader(strings.NewReader(body))} {
		if got, err := frames(newFramer(wit.FramingPackets, &wit.LengthPrefix{Whole: true}, maxStream, &over{r: r})); err != nil || !slices.Equal(got, whole) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if _, err := frames(newFramer(wit.FramingPackets, nil, maxStream, strings.NewReader("\x00\x00\x00\x02a"))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a packet that is cut off: %v", err)
	}
	long := strings.Repeat("x", maxPiece+1)
	got, err := frames(newFramer(wit.FramingRaw, nil, maxStream, &over{r: strings.NewReader(long)}))
	if err != nil || !slices.Equal(got, []frame{{data: long[:maxPiece], binary: true}, {data: "x", binary: true}}) {
		t.Errorf("%d pieces, %v", len(got), err)
	}
}

// endless gives the same text for ever, to who has a bound.
type endless struct {
	text     string
	at, sent int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	if e.sent += len(p); e.sent > 2*maxStream {
		panic("it is read without a bound")
	}
	for n < len(p) {
		c := copy(p[n:], e.text[e.at:])
		n, e.at = n+c, (e.at+c)%len(e.text)
	}
	return n, nil
}

func TestFrameBounds(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, c := range map[string]struct {
		framing wit.Framing
		body    io.Reader
	}{
		"line":         {wit.FramingSSE, &endless{text: "xxxxxxxx"}},
		"event":        {wit.FramingSSE, &endless{text: "data: xxxxxxx\n"}},
		"all comments": {wit.FramingSSE, &endless{text: ": " + long + "\n\n"}},
		"all events":   {wit.FramingSSE, &endless{text: "data: " + long + "\n\n"}},
		"ndjson line":  {wit.FramingNDJSON, &endless{text: "xxxxxxxx"}},
		"ndjson":       {wit.FramingNDJSON, &endless{text: long + "\n"}},
		"body":         {wit.FramingJSON, &endless{text: "[[[[[[[["}},
		"packet":       {wit.FramingPackets, &endless{text: "xxxxxxxx"}},
		"all packets":  {wit.FramingPackets, &endless{text: "\x00\x00\x27\x10" + long}},
		"bytes":        {wit.FramingRaw, &endless{text: "xxxxxxxx"}},
	} {
		if _, err := frames(newFramer(c.framing, nil, maxStream, c.body)); wit.CodeOf(err) != wit.CodeTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	for framing, most := range map[wit.Framing]int{wit.FramingJSON: maxBody, wit.FramingNDJSON: maxFrame} {
		if got, err := frames(newFramer(framing, nil, maxStream, strings.NewReader(strings.Repeat("x", most-1)))); err != nil || len(got) != 1 {
			t.Errorf("a %s frame of %d bytes: %v", framing, most-1, err)
		}
	}
	broken := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("data: abc\n\n")))
	if _, err := frames(newFramer(wit.FramingSSE, nil, maxStream, broken)); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a broken body: %v", err)
	}
}

// FuzzFramers: whatever comes, framers end, stay in their bounds and give UTF-8.
func FuzzFramers(f *testing.F) {
	f.Add("data: a\r\n\r\nevent: x\ndata: b\n\n", byte(0))
	f.Add("{\"a\":1}\n{\"b\":\xff}\n", byte(1))
	f.Add("\uFEFF: x\rdata\r\r", byte(2))
	f.Fuzz(func(t *testing.T, body string, which byte) {
		framing := []wit.Framing{wit.FramingSSE, wit.FramingNDJSON, wit.FramingJSON}[which%3]
		got, err := frames(newFramer(framing, nil, maxStream, strings.NewReader(body)))
		if err != nil && wit.CodeOf(err) != wit.CodeTooLarge {
			t.Fatal(err)
		}
		size := 0
		for _, fr := range got {
			size += len(fr.data)
			if !utf8.ValidString(fr.data) || !utf8.ValidString(fr.name) || len(fr.data) > 3*max(maxFrame, len(body)) {
				t.Fatalf("frame %+v", fr)
			}
		}
		if size > 3*len(body) {
			t.Fatalf("%d bytes of %d", size, len(body))
		}
	})
}
