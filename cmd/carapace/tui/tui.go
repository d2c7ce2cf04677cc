// Package tui is the terminal's chat: what was said above, a line to write on below. It shows answers
// as they stream, tools as they run, and the state of the connection; the conversation itself is
// package talk's.
package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/textarea"
	"github.com/charmbracelet/bubbles/viewport"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
)

// help names the keys that key knows.
const help = "enter sends · alt+enter new line · esc stops the answer · /new starts afresh · ctrl+c leaves"

var (
	userStyle  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("12"))
	agentStyle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("10"))
	toolStyle  = lipgloss.NewStyle().Faint(true)
	errorStyle = lipgloss.NewStyle().Foreground(lipgloss.Color("9"))
	faintStyle = lipgloss.NewStyle().Faint(true)
)

// Run shows the chat until the user leaves or ctx ends; the end of ctx is no error. conversation.Run is the caller's
// to start, and Run is the only reader of its updates.
func Run(ctx context.Context, conversation *talk.Conversation, session string) error {
	_, err := tea.NewProgram(newModel(ctx, conversation, session), tea.WithContext(ctx), tea.WithAltScreen()).Run()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// model is the screen's state; bubbletea owns it and calls it from one goroutine.
type model struct {
	ctx     context.Context
	talk    *talk.Conversation
	session string
	input   textarea.Model
	view    viewport.Model
	said    []entry // from top to bottom
	status  string
	waiting map[string]bool // the runs of what was written here, until they end
}

// entry is one block of the screen.
type entry struct {
	role string // user, assistant, tool, error
	run  string // which it belongs to
	text string
	tool string // the call's id
}

// ended tells that no update follows: the conversation is over.
type ended struct{}

// newModel makes the screen of a conversation that is not connected yet.
func newModel(ctx context.Context, conversation *talk.Conversation, session string) *model {
	input := textarea.New()
	input.Placeholder = "Say something"
	input.ShowLineNumbers = false
	input.SetHeight(2)
	input.KeyMap.InsertNewline.SetKeys("alt+enter")
	input.Focus()
	return &model{
		ctx: ctx, talk: conversation, session: session, input: input, view: viewport.New(80, 20), status: "connecting…",
		waiting: map[string]bool{},
	}
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return tea.Batch(textarea.Blink, m.next) }

// next waits for what happens in the conversation. Each update asks for the following one, so they stay in order.
func (m *model) next() tea.Msg {
	u, ok := <-m.talk.Updates()
	if !ok {
		return ended{}
	}
	return u
}

// Update implements tea.Model. Keys go to the input, all else also to the history, which scrolls by it.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case ended:
		return m, tea.Quit
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case talk.Update:
		m.take(msg)
		m.show()
		return m, m.next
	case tea.KeyMsg:
		if cmd, done := m.key(msg); done {
			return m, cmd
		}
	}
	var typed, scrolled tea.Cmd
	m.input, typed = m.input.Update(msg)
	if _, isKey := msg.(tea.KeyMsg); !isKey {
		m.view, scrolled = m.view.Update(msg)
	}
	return m, tea.Batch(typed, scrolled)
}

// key handles the keys that are not text; done says that nothing is left to do.
func (m *model) key(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	switch k.String() {
	case "ctrl+c", "ctrl+d":
		return tea.Quit, true
	case "pgup", "pgdown":
		m.view, cmd = m.view.Update(k)
		return cmd, true
	case "esc":
		return func() tea.Msg { _ = m.talk.Abort(m.ctx); return nil }, true // the run's end tells how it went
	case "enter":
		text := strings.TrimSpace(m.input.Value())
		if text == "" {
			return nil, true
		}
		m.input.Reset()
		key := talk.NewKey()
		m.said = append(m.said, entry{role: "user", run: key, text: text})
		m.waiting[key] = true
		m.show()
		return func() tea.Msg { m.talk.Send(m.ctx, key, text); return nil }, true
	}
	return nil, false
}

// take shows what happened. A run that was sent from elsewhere is shown too: the conversation is one.
func (m *model) take(u talk.Update) {
	switch u.Kind {
	case talk.Connected:
		m.status = "connected to carapace " + u.Text
	case talk.Disconnected:
		m.status = "the gateway is away; what you write is kept and sent when it is back"
	case talk.History:
		m.restore(u.Messages)
	case talk.Delta:
		m.answer(u.Run).text = u.Text
	case talk.ToolStart:
		m.said = append(m.said, entry{role: "tool", run: u.Run, tool: u.Tool.ID, text: u.Tool.Name + " " + u.Tool.Args})
	case talk.ToolEnd:
		m.toolEnded(u)
	case talk.Final, talk.Aborted:
		m.finish(u)
	case talk.Failed:
		m.said = append(m.said, entry{role: "error", run: u.Run, text: u.Err.Error()})
		delete(m.waiting, u.Run)
	}
}

// restore shows the history, and after it what was written here and is not in it yet, and the errors, which no history
// has. Messages are told apart by their runs: a text may be said twice.
func (m *model) restore(history []talk.Message) {
	known := map[string]bool{}
	var said []entry
	for _, h := range history {
		if h.Role == "user" || h.Role == "assistant" {
			said = append(said, entry{role: h.Role, run: h.Run, text: h.Text})
			known[h.Run] = true
		}
	}
	var waiting, failed []entry
	for _, e := range m.said {
		switch {
		case e.role == "error":
			failed = append(failed, e)
		case e.role == "user" && m.waiting[e.run] && !known[e.run]:
			waiting = append(waiting, e)
		}
	}
	m.said = slices.Concat(said, waiting, failed)
}

// finish shows the end of an answer. An end without text leaves what was shown: the deltas, or the history.
func (m *model) finish(u talk.Update) {
	a := m.answer(u.Run)
	if u.Text != "" {
		a.text = u.Text
	}
	if u.Kind == talk.Aborted {
		a.text = strings.TrimSpace(a.text + " (stopped)")
	}
	delete(m.waiting, u.Run)
}

// answer is the block of a run's answer, made where there is none. After a reconnect the history brought it, so an
// answer that ended meanwhile is not shown twice.
func (m *model) answer(run string) *entry {
	for i := len(m.said) - 1; i >= 0; i-- {
		if m.said[i].run == run && m.said[i].role == "assistant" {
			return &m.said[i]
		}
	}
	m.said = append(m.said, entry{role: "assistant", run: run})
	return &m.said[len(m.said)-1]
}

// toolEnded adds a tool's result to the line of its call.
func (m *model) toolEnded(u talk.Update) {
	mark := " → "
	if u.Tool.Failed {
		mark = " ✗ "
	}
	for i := range m.said {
		if m.said[i].tool == u.Tool.ID && m.said[i].run == u.Run {
			m.said[i].text += mark + u.Tool.Result
			return
		}
	}
}

// resize gives the history what the input and three lines of text leave.
func (m *model) resize(width, height int) {
	m.input.SetWidth(width)
	m.view.Width, m.view.Height = width, max(1, height-m.input.Height()-3)
	m.show()
}

// show renders what was said and keeps its end in sight.
func (m *model) show() {
	wrap := lipgloss.NewStyle().Width(max(20, m.view.Width-2))
	var blocks []string
	for _, e := range m.said {
		blocks = append(blocks, wrap.Render(e.render()))
	}
	m.view.SetContent(strings.Join(blocks, "\n"))
	m.view.GotoBottom()
}

// render is the block with its label and colours, not wrapped yet.
func (e entry) render() string {
	switch e.role {
	case "user":
		return userStyle.Render("you") + "  " + e.text
	case "tool":
		return toolStyle.Render("     ⚙ " + e.text)
	case "error":
		return errorStyle.Render("     " + e.text)
	}
	return agentStyle.Render("bot") + "  " + e.text
}

// View implements tea.Model: the history, the state, the input, the keys.
func (m *model) View() string {
	state := m.status
	if n := len(m.waiting); n > 0 {
		state += fmt.Sprintf(" · %d waiting", n)
	}
	return m.view.View() + "\n" + faintStyle.Render(m.session+" · "+state) + "\n" + m.input.View() + "\n" + faintStyle.Render(help)
}
