package system

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// pulse is a Health as JSON, but for the times in it: they alone are new in each answer.
type pulse struct {
	of       any // with accounts, what it is made of
	accounts []Account
	wakes    []agentWakes

	ok     bool
	used   []int64  // when the recent sessions were used, in the order of their ages
	pieces [][]byte // the times stand between them
	size   int      // about that of an answer
}

// unknown stands where a time comes. No time is so long ago.
const unknown = math.MinInt64

// newPulse encodes a Health.
func newPulse(h Health) *pulse {
	p := &pulse{ok: h.OK}
	h.Ts, h.DurationMs = unknown, unknown
	for i := range h.Agents {
		p.used = append(p.used, ageless(&h.Agents[i].Sessions)...)
	}
	p.used = append(p.used, ageless(&h.Sessions)...)
	b, _ := json.Marshal(h) // texts and numbers always have an encoding
	p.size, p.pieces = len(b), split(b)
	return p
}

// ageless puts unknown ages into a summary of its own, and returns when the sessions were used.
func ageless(s *SessionsSummary) (used []int64) {
	s.Recent = slices.Clone(s.Recent)
	for i := range s.Recent {
		s.Recent[i].Age = unknown
		used = append(used, s.Recent[i].UpdatedAt)
	}
	return used
}

// split cuts JSON where its unknown numbers are. In a text the same characters are no number.
func split(b []byte) (pieces [][]byte) {
	number := strconv.AppendInt([]byte{':'}, unknown, 10)
	inText, begin := false, 0
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			i++
		case b[i] == '"':
			inText = !inText
		case !inText && bytes.HasPrefix(b[i:], number):
			pieces = append(pieces, b[begin:i+1])
			begin = i + len(number)
		}
	}
	return append(pieces, b[begin:])
}

// at is the Health at a time, from which on its making took as long as it did.
func (p *pulse) at(begin time.Time) rpc.Encoded {
	now := begin.UnixMilli()
	b := append(make([]byte, 0, p.size), p.pieces[0]...)
	b = append(strconv.AppendInt(b, now, 10), p.pieces[1]...)
	b = append(strconv.AppendInt(b, time.Since(begin).Milliseconds(), 10), p.pieces[2]...)
	for i, used := range p.used {
		b = append(strconv.AppendInt(b, max(0, now-used), 10), p.pieces[3+i]...)
	}
	return b
}
