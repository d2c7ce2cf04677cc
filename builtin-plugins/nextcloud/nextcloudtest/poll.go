package nextcloudtest

import (
	"slices"
	"strconv"
	"strings"
)

// Poll is a question in a conversation ("Poll API").
type Poll struct {
	ID       int64
	Question string
	Options  []string
	MaxVotes int64
	Thread   int64
	room     *Room
	author   string
	closed   bool
	votes    []vote
}

type vote struct {
	voter  string
	option int64
}

// Polls are those of a conversation.
func (w *World) Polls(r *Room) (list []*Poll) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.polls {
		if p.room == r {
			list = append(list, p)
		}
	}
	return list
}

// ask makes a poll ("Create a poll in a conversation"). Its message is one of an object, and is not answered.
func (s *Server) ask(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.PathValue("token"), c.user.ID)
	options := slices.DeleteFunc(slices.Clone(c.Form["options[]"]), func(option string) bool { return strings.TrimSpace(option) == "" })
	switch {
	case err != nil:
		return nil, err
	case r.Type != 2:
		return nil, wrong(400, "room")
	case r.readOnly:
		return nil, refuse(403, "")
	case strings.TrimSpace(c.params["question"]) == "":
		return nil, wrong(400, "question")
	case len(options) < 2:
		return nil, wrong(400, "options")
	}
	p := &Poll{Question: c.params["question"], Options: options, MaxVotes: c.number("maxVotes"), Thread: c.number("threadId"), room: r, author: c.user.ID}
	s.put(p)
	return made{s.pollOf(p)}, nil
}

// Ask has somebody ask a poll.
func (u *User) Ask(r *Room, question string, options ...string) *Poll {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	p := &Poll{Question: question, Options: options, MaxVotes: 1, room: r, author: u.ID}
	u.world.put(p)
	return p
}

func (w *World) put(p *Poll) {
	w.polls = append(w.polls, p)
	p.ID = int64(len(w.polls))
	object := fields{"type": "talk-poll", "id": strconv.FormatInt(p.ID, 10), "name": p.Question}
	w.add(p.room, &Message{Kind: "users", Sender: p.author, Text: "{object}", Parameters: fields{"object": object}, Thread: p.Thread})
}

// result is a poll as it is ("Get state or result of a poll").
func (s *Server) result(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.PathValue("token"), c.user.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range s.polls {
		if strconv.FormatInt(p.ID, 10) == c.PathValue("id") && p.room == r {
			return s.pollOf(p), nil
		}
	}
	return nil, wrong(404, "poll")
}

// pollOf is a poll as the API has it ("Poll data"): while it goes on, the votes are for those who have voted.
func (w *World) pollOf(p *Poll) fields {
	votes, details := fields{}, []fields{}
	for _, v := range p.votes {
		key := "option-" + strconv.FormatInt(v.option, 10)
		n, _ := votes[key].(int)
		votes[key] = n + 1
		details = append(details, fields{"actorType": "users", "actorId": v.voter, "actorDisplayName": w.users[v.voter].Name, "optionId": v.option})
	}
	out := fields{"id": p.ID, "question": p.Question, "options": p.Options, "actorType": "users", "actorId": p.author, "resultMode": 0, "maxVotes": p.MaxVotes,
		"status": 0, "votes": []any{}, "votedSelf": []any{}, "numVoters": 0}
	if p.closed {
		out["status"], out["votes"], out["details"], out["numVoters"] = 1, votes, details, len(p.votes)
	}
	return out
}

// Vote has somebody choose options of a poll, which are counted from 0. All are told that somebody has.
func (u *User) Vote(p *Poll, options ...int64) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	p.votes = slices.DeleteFunc(p.votes, func(v vote) bool { return v.voter == u.ID })
	for _, option := range options {
		p.votes = append(p.votes, vote{u.ID, option})
	}
	u.world.tellPoll(u, p, "poll_voted", "Someone voted on the poll {poll}")
}

// End has somebody end a poll.
func (u *User) End(p *Poll) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	p.closed = true
	u.world.tellPoll(u, p, "poll_closed", "{actor} ended the poll {poll}")
}

func (w *World) tellPoll(u *User, p *Poll, what, text string) {
	poll := fields{"type": "talk-poll", "id": strconv.FormatInt(p.ID, 10), "name": p.Question}
	w.add(p.room, &Message{Kind: "users", Sender: u.ID, Type: "system", System: what, Text: text, Parameters: fields{"poll": poll}})
}
