package tui

// maxHistory bounds what is remembered of what was written.
const maxHistory = 200

// history is what was written, oldest first, and the place in it that the arrows have reached.
type history struct {
	lines []string
	at    int // len(lines) is below the newest: what is being written
	draft string
}

// add remembers a line.
func (h *history) add(line string) {
	if n := len(h.lines); n == 0 || h.lines[n-1] != line {
		h.lines = append(h.lines, line)
	}
	if len(h.lines) > maxHistory {
		h.lines = h.lines[1:]
	}
	h.at, h.draft = len(h.lines), ""
}

// move goes by lines from what is written now; ok is false at an end.
func (h *history) move(by int, now string) (line string, ok bool) {
	to := h.at + by
	if to < 0 || to > len(h.lines) {
		return "", false
	}
	if h.at == len(h.lines) {
		h.draft = now
	}
	if h.at = to; to == len(h.lines) {
		return h.draft, true
	}
	return h.lines[to], true
}
