package crash

import (
	"fmt"
	"io"
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
func (r *Report) OK() bool { return r.Lost == 0 && r.Doubled == 0 && len(r.Wrong) == 0 }

var sum = regexp.MustCompile(`3\*(\d+) is ([\d,]+)`)

// answers groups what the bot sent by the question that it answers.
func (r *run) answers() (byNumber map[int][]botapi.Sent, wrong []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byNumber = map[int][]botapi.Sent{}
	for _, sent := range r.server.Sent() {
		m := sent.Message
		found := sum.FindStringSubmatch(m.Text)
		if found == nil {
			wrong = append(wrong, fmt.Sprintf("to %d: %.80q", m.Chat.ID, m.Text))
			continue
		}
		n, _ := strconv.Atoi(found[1])
		product, _ := strconv.Atoi(strings.ReplaceAll(found[2], ",", ""))
		if q, asked := r.asked[n]; !asked || q.chat != m.Chat.ID || product != 3*n {
			wrong = append(wrong, fmt.Sprintf("to %d: %.80q", m.Chat.ID, m.Text))
			continue
		}
		byNumber[n] = append(byNumber[n], sent)
	}
	return byNumber, wrong
}

func (r *run) allAnswered() bool {
	byNumber, _ := r.answers()
	return len(byNumber) == r.Messages
}

func (r *run) judge(took time.Duration) *Report {
	byNumber, wrong := r.answers()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &Report{
		Messages: len(r.asked), Chats: r.Chats, Kills: r.Kills, Wrong: wrong, Took: took, Seed: r.Seed,
		Limited: r.trouble.limited, Cut: r.trouble.cut, Repeated: r.server.Repeated(),
	}
	for n := range r.asked {
		switch list := byNumber[n]; len(list) {
		case 0:
			out.Lost++
		case 1:
			out.Once++
		default:
			gap, excused := r.excuse(list)
			if excused {
				out.Window++
				out.Gap = max(out.Gap, gap)
			} else {
				out.Doubled++
			}
		}
	}
	for i, l := range r.gateway.history() {
		if i > 0 && !l.ready.IsZero() {
			out.Restarts = append(out.Restarts, l.ready.Sub(l.start))
		}
	}
	slices.Sort(out.Restarts)
	return out
}

// excuse reports whether each send but the last was shortly before the kill of the process that made
// it, and how shortly at most.
func (r *run) excuse(list []botapi.Sent) (gap time.Duration, ok bool) {
	lives := r.gateway.history()
	for i, sent := range list[:len(list)-1] {
		at := slices.IndexFunc(lives, func(l life) bool {
			return !sent.At.Before(l.start) && !l.end.IsZero() && sent.At.Before(l.end)
		})
		if at < 0 || !list[i+1].At.After(lives[at].end) {
			return 0, false
		}
		before := lives[at].end.Sub(sent.At)
		if before > r.Window {
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

func (r *Report) window() string {
	if r.Window == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (killed at most %d ms after the send)", r.Window, r.Gap.Milliseconds())
}
