// Package tui is the terminal's chat: what was said above, a line to write on below. It shows answers
// as they stream, tools as they run, and the state of the connection; the conversation itself is
// package talk's.
package tui

import (
	"context"
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/textarea"
	"github.com/charmbracelet/bubbles/viewport"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
)

const help = "enter sends · alt+enter new line · esc stops the answer · /new starts afresh · ctrl+c leaves"

var (
	userStyle  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("12"))
	agentStyle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("10"))
	toolStyle  = lipgloss.NewStyle().Faint(true)
	errorStyle = lipgloss.NewStyle().Foreground(lipgloss.Color("9"))
	faintStyle = lipgloss.NewStyle().Faint(true)
)

// Run shows the chat until the user leaves or ctx ends. conversation.Run is the caller's to start.
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
	said    []entry
	status  string
	waiting int
}

// entry is one block of the screen.
type entry struct {
	role string // user, assistant, tool, error
	run  string
	text string
	tool string
}

type ended struct{}

func newModel(ctx context.Context, conversation *talk.Conversation, session string) *model {
	input := textarea.New()
	input.Placeholder = "Say something"
	input.ShowLineNumbers = false
	input.SetHeight(2)
	input.KeyMap.InsertNewline.SetKeys("alt+enter")
	input.Focus()
	return &model{ctx: ctx, talk: conversation, session: session, input: input, view: viewport.New(80, 20), status: "connecting…"}
}

func (m *model) Init() tea.Cmd { return tea.Batch(textarea.Blink, m.next) }

// next waits for what happens in the conversation.
func (m *model) next() tea.Msg {
	u, ok := <-m.talk.Updates()
	if !ok {
		return ended{}
	}
	return u
}

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
		m.said = append(m.said, entry{role: "user", text: text})
		m.waiting++
		m.show()
		return func() tea.Msg { m.talk.Send(m.ctx, text); return nil }, true
	}
	return nil, false
}

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
		m.done(u)
	}
}

// restore shows the history, and after it what was written here and is not answered yet.
func (m *model) restore(history []talk.Message) {
	var unsent []entry
	for _, e := range m.said {
		if e.role == "error" {
			unsent = append(unsent, e)
		}
	}
	var waiting []entry
	for i := len(m.said) - 1; i >= 0 && len(waiting) < m.waiting; i-- {
		if m.said[i].role == "user" {
			waiting = append([]entry{m.said[i]}, waiting...)
		}
	}
	m.said = m.said[:0]
	for _, h := range history {
		if h.Role == "user" || h.Role == "assistant" {
			m.said = append(m.said, entry{role: h.Role, run: h.Run, text: h.Text})
		}
	}
	for _, w := range waiting {
		if n := len(m.said); n == 0 || m.said[n-1].text != w.text {
			m.said = append(m.said, w)
		}
	}
	m.said = append(m.said, unsent...)
}

func (m *model) finish(u talk.Update) {
	a := m.answer(u.Run)
	if u.Text != "" {
		a.text = u.Text
	}
	if u.Kind == talk.Aborted {
		a.text = strings.TrimSpace(a.text + " (stopped)")
	}
	m.done(u)
}

func (m *model) done(u talk.Update) {
	if u.Mine && m.waiting > 0 {
		m.waiting--
	}
}

// answer is the block of a run's answer, made where there is none after the run's last tool.
func (m *model) answer(run string) *entry {
	for i := len(m.said) - 1; i >= 0; i-- {
		if m.said[i].run == run && m.said[i].role == "assistant" {
			return &m.said[i]
		}
	}
	m.said = append(m.said, entry{role: "assistant", run: run})
	return &m.said[len(m.said)-1]
}

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

func (m *model) View() string {
	state := m.status
	if m.waiting > 0 {
		state += fmt.Sprintf(" · %d waiting", m.waiting)
	}
	return m.view.View() + "\n" + faintStyle.Render(m.session+" · "+state) + "\n" + m.input.View() + "\n" + faintStyle.Render(help)
}
