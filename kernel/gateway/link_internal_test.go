package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// line is a socket that gives what it has in pieces, and takes writes in its time.
type line struct {
	net.Conn
	give    []string // one per read
	room    []int    // of the buffers that reads came with
	took    []string
	takes   func(p []byte) (int, error) // nil takes all at once
	written int
}

func (l *line) Read(p []byte) (int, error) {
	l.room = append(l.room, len(p))
	if len(l.give) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.give[0])
	if l.give[0] = l.give[0][n:]; l.give[0] == "" {
		l.give = l.give[1:]
	}
	return n, nil
}

func (l *line) Write(p []byte) (int, error) {
	n, err := len(p), error(nil)
	if l.takes != nil {
		n, err = l.takes(p)
	}
	l.took = append(l.took, string(p[:n]))
	l.written += n
	return n, err
}

func (l *line) SetWriteDeadline(time.Time) error { return nil }

func linked(l *line) *link {
	counter := func() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{Name: "test"}) }
	return &link{Conn: l, transport: &transport{patience: time.Second, received: counter(), sent: counter()}}
}

// TestLinkReadsAhead where a read fills its buffer, keeps the order, and has no buffer once it is at rest.
func TestLinkReadsAhead(t *testing.T) {
	raw := &line{give: []string{"abcd", strings.Repeat("x", 100), "e", strings.Repeat("y", batchBytes+7)}}
	l := linked(raw)
	var got strings.Builder
	small := make([]byte, 4)
	for {
		n, err := l.Read(small)
		got.Write(small[:n])
		if err != nil {
			break
		}
		if (l.whole != nil) != (len(l.ahead) > 0) {
			t.Fatal("a buffer is kept without need, or was given back too early")
		}
	}
	if want := "abcd" + strings.Repeat("x", 100) + "e" + strings.Repeat("y", batchBytes+7); got.String() != want {
		t.Errorf("read %d bytes", got.Len())
	}
	if l.whole != nil || raw.room[0] != 4 || raw.room[1] != batchBytes || raw.room[2] != 4 {
		t.Errorf("reads of %v", raw.room)
	}
	large := &line{give: []string{"abcd", "efgh"}}
	l = linked(large)
	_, _ = l.Read(small)
	if n, _ := l.Read(make([]byte, batchBytes)); n != 4 || l.whole != nil {
		t.Errorf("%d bytes into a large buffer, which needs no other", n)
	}
}

// TestLinkWritesFrames that many connections share, in one write up to a bound, and none after a close frame.
func TestLinkWritesFrames(t *testing.T) {
	raw := &line{}
	l := linked(raw)
	l.first = []byte("upgraded ")
	frames := []frame{{body: []byte(`{"a":1}`)}, {body: []byte(`{"b":2`), event: true, seq: 9}, {body: []byte(`{"c":3`), event: true}, {body: []byte(`[4]`), to: `"x`}}
	if n, err := l.writeFrames(frames); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if got := strings.Join(raw.took, ""); got != "upgraded \x81\x07{\"a\":1}\x81\x0f{\"b\":2,\"seq\":9}\x81\x07{\"c\":3}"+
		"\x81\x31"+`{"type":"res","id":"\"x","ok":true,"payload":[4]}` {
		t.Errorf("%q", got)
	}
	many := make([]frame, partsFrames+1)
	for i := range many {
		many[i].body = []byte("x")
	}
	for want, frames := range map[int][]frame{
		partsFrames: many, 1: {{body: make([]byte, partsBytes)}, many[0]}, 2: {{body: make([]byte, partsBytes-1)}, many[0], many[0]},
	} {
		raw.took = nil
		if n, err := l.writeFrames(frames); n != want || err != nil || strings.HasPrefix(raw.took[0], "upgraded") {
			t.Errorf("%d frames at once, want %d: %v", n, want, err)
		}
	}
	written := new(parts)
	written.take(frames)
	if l.transport.giveParts(written); written.list[0] != nil {
		t.Error("what was written is kept")
	}
	if n, err := l.Write([]byte{finalFrame | closeFrame, 0}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := l.writeFrames(frames); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a frame after the close frame: %v", err)
	}
}

// TestAppendHead at the bounds of what its lengths can say.
func TestAppendHead(t *testing.T) {
	for n, want := range map[int]string{
		0: "\x81\x00", 125: "\x81\x7d", 126: "\x81\x7e\x00\x7e", 0xffff: "\x81\x7e\xff\xff", 0x10000: "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
	} {
		if got := string(appendHead(nil, n)); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestLinkIsPatient with a line on which something moves, and with no other; what had to wait for room is a sign of life.
func TestLinkIsPatient(t *testing.T) {
	slow := func(n int, err error) func([]byte) (int, error) {
		return func(p []byte) (int, error) {
			time.Sleep(time.Second)
			return min(n, len(p)), err
		}
	}
	for name, tt := range map[string]struct {
		takes func([]byte) (int, error)
		fails bool
		alive bool
	}{
		"at once":          {nil, false, false},
		"little by little": {slow(10, os.ErrDeadlineExceeded), false, true},
		"nothing moves":    {slow(0, os.ErrDeadlineExceeded), true, false},
		"it is cut":        {slow(10, errors.New("reset")), true, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			raw := &line{takes: tt.takes}
			l := linked(raw)
			_, err := l.Write(make([]byte, 25))
			if (err != nil) != tt.fails || !tt.fails && raw.written != 25 || (l.lastSign.Load() != 0) != tt.alive {
				t.Errorf("%s: %v after %d bytes, alive %v", name, err, raw.written, l.lastSign.Load() != 0)
			}
		})
	}
}

// TestBuffers: a message is cut at its limit, and where there is no room; only one that is long needs any.
func TestBuffers(t *testing.T) {
	const limit = 4 * pieceBytes
	for name, tt := range map[string]struct {
		size        int
		taken, most int64 // of the memory
		want        int   // bytes of the message
		cut         bool
	}{
		"empty": {}, "short": {size: longBytes - 1, want: longBytes - 1, taken: pieceBytes, most: pieceBytes},
		"long":                  {size: longBytes, want: longBytes, most: limit},
		"as long as it may be":  {size: limit, want: limit, most: 2 * limit},
		"too long":              {size: limit + 1, want: limit, most: 2 * limit, cut: true},
		"far too long":          {size: 10 * limit, want: limit, most: 2 * limit, cut: true},
		"no room":               {size: limit, want: longBytes, taken: pieceBytes, most: pieceBytes, cut: true},
		"too little room":       {size: limit, want: longBytes + pieceBytes, taken: pieceBytes, most: 2 * pieceBytes, cut: true},
		"the only one gets all": {size: limit, want: limit, most: 1},
	} {
		var b buffers
		c := claim{of: &memory{most: tt.most}}
		c.of.add(tt.taken)
		text := strings.Repeat("x", tt.size)
		msg, cut, err := b.readAll(strings.NewReader(text), limit, &c)
		if string(msg) != text[:tt.want] || cut != tt.cut || err != nil || c.refused && !tt.cut {
			t.Errorf("%s: %d bytes, cut %v, refused %v, %v", name, len(msg), cut, c.refused, err)
		}
		if held := c.of.held.Load(); held-tt.taken < int64(len(msg)-longBytes) {
			t.Errorf("%s: %d bytes hold %d", name, len(msg), held-tt.taken)
		}
		if c.release(); c.of.held.Load() != tt.taken {
			t.Errorf("%s: %d are held for ever", name, c.of.held.Load()-tt.taken)
		}
	}
}
