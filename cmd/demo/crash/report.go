package crash

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
)

// Report is what became of the messages.
type Report struct {
	Messages, Chats, Kills int
	Once, Lost             int
	// Window counts messages that were answered once more because a kill came between the send and its
	// record; Doubled those for which that is no excuse.
	Window, Doubled int
	// Wrong are messages of the bot that answer nothing that was asked.
	Wrong []string
	// Limited, Cut and Repeated count what the server did: 429s, cut connections, updates again.
	Limited, Cut, Repeated int
	// Gap is the longest time between a send and the kill that made it happen again.
	Gap time.Duration
	// Restarts are the times from a start to the first poll, sorted.
	Restarts []time.Duration
	Took     time.Duration
	Seed     uint64
	// Log is the gateway's, kept when something went wrong.
	Log string
}

// OK reports whether the gateway kept its promise.
func (r *Report) OK() bool {
	return r.Messages > 0 && r.Once+r.Window == r.Messages && r.Lost == 0 && r.Doubled == 0 && len(r.Wrong) == 0
}

// sum is an answer of the offline provider: the number that was asked about, and the product.
var sum = regexp.MustCompile(`3\*(\d+) is ([\d,]+)`)

// evidence is what a verdict is made from.
type evidence struct {
	asked  map[int]question
	sent   []botapi.Sent
	lives  []life
	window time.Duration
}

// evidence is what is known so far.
func (r *run) evidence() evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return evidence{maps.Clone(r.asked), r.server.Sent(), r.gateway.history(), r.Window}
}

// answers groups what the bot sent by the question that it answers.
func (e evidence) answers() (byNumber map[int][]botapi.Sent, wrong []string) {
	byNumber = map[int][]botapi.Sent{}
	for _, sent := range e.sent {
		m, n, product := sent.Message, 0, 0
		if found := sum.FindStringSubmatch(sent.Message.Text); found != nil {
			n, _ = strconv.Atoi(found[1])
			product, _ = strconv.Atoi(strings.ReplaceAll(found[2], ",", ""))
		}
		if q, asked := e.asked[n]; !asked || q.chat != m.Chat.ID || product != 3*n {
			wrong = append(wrong, fmt.Sprintf("to %d: %.80q", m.Chat.ID, m.Text))
			continue
		}
		byNumber[n] = append(byNumber[n], sent)
	}
	return byNumber, wrong
}

// allAnswered reports whether each question has its answer.
func (r *run) allAnswered() bool {
	byNumber, _ := r.evidence().answers()
	return len(byNumber) == r.Messages
}

// judge makes the report of a run that has ended.
func (r *run) judge(took time.Duration) *Report {
	out := r.evidence().verdict()
	out.Chats, out.Kills, out.Seed, out.Took = r.Chats, r.Kills, r.Seed, took
	out.Limited, out.Cut, out.Repeated = r.trouble.limited, r.trouble.cut, r.server.Repeated()
	return out
}

// verdict counts what became of each question.
func (e evidence) verdict() *Report {
	byNumber, wrong := e.answers()
	out := &Report{Messages: len(e.asked), Wrong: wrong}
	for n := range e.asked {
		switch list := byNumber[n]; len(list) {
		case 0:
			out.Lost++
		case 1:
			out.Once++
		default:
			gap, excused := e.excuse(list)
			if excused {
				out.Window++
				out.Gap = max(out.Gap, gap)
			} else {
				out.Doubled++
			}
		}
	}
	for i, l := range e.lives {
		if i > 0 && !l.ready.IsZero() {
			out.Restarts = append(out.Restarts, l.ready.Sub(l.start))
		}
	}
	slices.Sort(out.Restarts)
	return out
}

// excuse reports whether each send but the last was shortly before the kill of the process that made
// it, and how shortly at most.
func (e evidence) excuse(list []botapi.Sent) (gap time.Duration, ok bool) {
	for i, sent := range list[:len(list)-1] {
		at := slices.IndexFunc(e.lives, func(l life) bool {
			return !sent.At.Before(l.start) && !l.end.IsZero() && sent.At.Before(l.end)
		})
		if at < 0 || !list[i+1].At.After(e.lives[at].end) {
			return 0, false
		}
		before := e.lives[at].end.Sub(sent.At)
		if before > e.window {
			return 0, false
		}
		gap = max(gap, before)
	}
	return gap, true
}

// Markdown writes the report as a table.
func (r *Report) Markdown(w io.Writer) {
	row := func(what string, value any) { fmt.Fprintf(w, "| %s | %v |\n", what, value) }
	row("messages", fmt.Sprintf("%d from %d chats", r.Messages, r.Chats))
	fmt.Fprintln(w, "|---|---|")
	row("kill -9", r.Kills)
	row("**answered exactly once**", r.Once)
	row("**lost**", r.Lost)
	row("answered twice, in the send window", r.window())
	row("**answered twice, otherwise**", r.Doubled)
	row("wrong answers", len(r.Wrong))
	row("429 answers, cut connections, updates delivered again", fmt.Sprintf("%d, %d, %d", r.Limited, r.Cut, r.Repeated))
	if n := len(r.Restarts); n > 0 {
		row("start to first poll, median and worst", fmt.Sprintf("%d ms, %d ms", r.Restarts[n/2].Milliseconds(), r.Restarts[n-1].Milliseconds()))
	}
	row("time", r.Took.Round(100*time.Millisecond))
	row("seed", r.Seed)
	for _, wrong := range r.Wrong[:min(len(r.Wrong), 10)] {
		fmt.Fprintln(w, "\nwrong:", wrong)
	}
	if r.Log != "" {
		fmt.Fprintln(w, "\nthe gateway's log is", r.Log)
	}
}

// window writes how many messages were sent again, and why that is excused.
func (r *Report) window() string {
	if r.Window == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (killed at most %d ms after the send)", r.Window, r.Gap.Milliseconds())
}
