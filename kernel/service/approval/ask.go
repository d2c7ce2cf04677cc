package approval

import (
	"cmp"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The owner is asked in their chat too, by a question with buttons.

const (
	questionKind = "approval"
	maxShown     = 1500 // bytes of what is to be done that the owner reads
)

func questionID(id string) string { return questionKind + "/" + id }

// labels are the choices, by decision.
var labels = map[Decision]question.Choice{
	AllowOnce:   {Name: string(AllowOnce), Label: "Approve", Style: wit.ActionStylePrimary},
	AllowAlways: {Name: string(AllowAlways), Label: "Always"},
	Deny:        {Name: string(Deny), Label: "Deny", Style: wit.ActionStyleDanger},
}

// askOwner asks the owner about an approval in a chat of theirs, and notes which. It reports whether there is one.
func (s *Service) askOwner(tx store.Tx, r *record, text string) (bool, error) {
	at, to, ok, err := s.d.Owner(tx)
	if err != nil || !ok {
		return false, err
	}
	r.Channel = at.Channel
	q := question.Question{
		ID: questionID(r.ID), Kind: questionKind, Subject: r.ID, Account: at, To: to, Text: text, Owner: true, ExpiresAt: r.ExpiresAt,
	}
	for _, d := range r.allowed() {
		q.Choices = append(q.Choices, labels[d])
	}
	return true, s.d.Questions.Ask(tx, q)
}

// chosen acts on a button, in the transaction of the message that it came with.
func (s *Service) chosen(tx store.Tx, a question.Answer) (string, error) {
	r, err := find(tx, a.Subject)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound || err == nil && (r.Status != Pending || r.ExpiresAt <= time.Now().UnixMilli()):
		return "This choice is over.", nil
	case err != nil:
		return "", err
	}
	d := Decision(a.Choice)
	o := outcome{Status: statusOf(d), Decision: d, By: Resolver{Kind: byChannel, ID: r.Channel + ":" + a.By.ID, Name: message.Who(a.By)}, Pressed: true}
	return "", settle(tx, r, o)
}

// fenced is what is to be done, on a line between fences which nothing in it can end.
func fenced(head, line string) string {
	line = strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(message.Clip(line, maxShown))
	return head + "\n\n```\n" + line + "\n```"
}

// question is what the owner reads about a command of a client.
func (r *record) question() string {
	if p := r.Plugin; p != nil {
		return message.Name(cmp.Or(text(p.PluginID), "A plugin")) + " asks: " + message.Name(p.Title) + "\n\n" + message.Clip(p.Description, maxShown)
	}
	where := "May this be run"
	if node := cmp.Or(text(r.Exec.NodeID), text(r.Exec.Host)); node != "" {
		where += " on " + message.Name(node)
	}
	if cwd := text(r.Exec.CWD); cwd != "" {
		where += ", in " + message.Name(cwd)
	}
	return fenced(where+"?", r.Exec.Command)
}
