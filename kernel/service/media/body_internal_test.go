package media

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// clock is an answer that notes until when its request may be read.
type clock struct {
	*httptest.ResponseRecorder
	until []time.Time
}

func (c *clock) SetReadDeadline(t time.Time) error {
	c.until = append(c.until, t)
	return nil
}

// drips gives a byte every so often, and no more after n of them.
type drips struct {
	every time.Duration
	n     int
}

func (d *drips) Read(p []byte) (int, error) {
	time.Sleep(d.every)
	if d.n--; d.n < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	p[0] = 'x'
	return 1, nil
}

func (*drips) Close() error { return nil }

// TestABodyThatDrips has a while for each piece, and an end for all of it.
func TestABodyThatDrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		w := &clock{ResponseRecorder: httptest.NewRecorder()}
		in, err := body(w, httptest.NewRequest(http.MethodPost, "/media?name=a", &drips{20 * time.Second, 89}))
		if err != nil || in.name != "a" {
			t.Fatalf("%+v %v", in, err)
		}
		_, err = io.Copy(io.Discard, in.body)
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "send it again") {
			t.Error(err)
		}
		if len(w.until) != 90 || w.until[0].Sub(begin) != patience || w.until[1].Sub(begin) != 20*time.Second+patience || w.until[89].Sub(begin) != uploadTime {
			t.Errorf("%d: %v, %v, %v", len(w.until), w.until[0].Sub(begin), w.until[1].Sub(begin), w.until[len(w.until)-1].Sub(begin))
		}
	})
}
