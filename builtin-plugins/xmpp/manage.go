package xmpp

import "strconv"

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// counted counts a stanza that was handled (XEP-0198, 4). The count is committed with what came of it.
func (t *turn) counted() {
	if t.State.manage.on {
		t.State.manage.in = (t.State.manage.in + 1) % (1 << 32)
	}
}

// maxManageID bounds an id that the state keeps.
const maxManageID = 4_000

// hearManage handles what a managed stream says beside stanzas.
func hearManage(t *turn, n *node) {
	s := &t.State
	switch n.name {
	case "enabled":
		s.manage = manage{on: true}
		if resume := n.get("resume"); (resume == "true" || resume == "1") && len(n.get("id")) <= maxManageID {
			s.manage.id = n.get("id")
		}
	case "resumed":
		if s.phase == phaseStream && n.get("previd") == s.manage.id {
			s.manage.on = true
			resumed(t)
		}
	case "failed":
		on := s.manage.on
		s.manage = manage{}
		if s.phase == phaseStream && s.loggedIn && !on {
			bind(t)
		}
	case "r":
		t.say(tag("a", "", "xmlns", nsManage, "h", decimal(s.manage.in)))
	}
}
