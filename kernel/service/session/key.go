package session

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Key names a conversation: agent:<agent>:<rest>, lower case. Only this package's functions make one
// of foreign text.
type Key string

// Bounds of keys and of the names inside them, in bytes.
const (
	MaxKey  = 256
	maxName = 64
	maxPeer = 64
)

// Agent returns the agent's id, "" for a key that is none.
func (k Key) Agent() string {
	rest, ok := strings.CutPrefix(string(k), "agent:")
	if !ok {
		return ""
	}
	agent, _, _ := strings.Cut(rest, ":")
	return agent
}

// Rest returns what follows the agent.
func (k Key) Rest() string {
	return strings.TrimPrefix(string(k), "agent:"+k.Agent()+":")
}

// ParseKey reads a key as clients write it. Text without "agent:" is a conversation of agent, the default one when
// that is empty; "main" and the configured main key are that agent's main conversation. Errors: CodeInvalid, also for
// an agent that there is not, or that is not the key's; whether there is an agent that only the key names, Answers says.
func (s Settings) ParseKey(text, agent string) (Key, error) {
	k, err := s.parseKey(text, agent)
	if err == nil {
		err = s.Meant(k, agent)
	}
	if err != nil {
		return "", err
	}
	return k, nil
}

func (s Settings) parseKey(text, agent string) (Key, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > MaxKey || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", wit.Errorf(wit.CodeInvalid, "%.40q is not a session key: use 1 to %d characters, such as main or agent:main:main", text, MaxKey)
	}
	text = strings.ToLower(text)
	rest, qualified := strings.CutPrefix(text, "agent:")
	if qualified {
		agent, rest, qualified = strings.Cut(rest, ":")
		if !qualified || agent == "" || rest == "" {
			return "", wit.Errorf(wit.CodeInvalid, "%.40q is not a session key: agent:<agent>:<conversation> has three parts", text)
		}
	}
	if rest == "main" {
		return s.Main(agent), nil
	}
	k := s.key(agent, rest)
	if len(k) > MaxKey {
		return "", wit.Errorf(wit.CodeInvalid, "the session key %.40q is too long: at most %d bytes", text, MaxKey)
	}
	return k, nil
}

// Main returns the main conversation of an agent, of the default one when agent is empty.
func (s Settings) Main(agent string) Key {
	return s.key(agent, name(s.MainKey, "main"))
}

// IsMain reports whether k is an agent's main conversation.
func (s Settings) IsMain(k Key) bool { return k == s.Main(k.Agent()) }

// Direct returns where a person's direct messages through an account go, by the configured scope.
func (s Settings) Direct(agent string, at message.Account, peer string) Key {
	switch {
	case s.DMScope == ScopeMain, s.DMScope == ScopeOwner && s.IsOwner(at.Channel, peer):
		return s.Main(agent)
	case s.DMScope == ScopePerPeer && s.IsOwner(at.Channel, peer):
		return s.key(agent, "dm:owner")
	}
	where := name(at.Channel, "unknown")
	if s.DMScope == ScopePerAccountChannelPeer {
		where += ":" + name(at.ID, "default")
	}
	return s.key(agent, where+":dm:"+person(peer))
}

// Conversation returns the key of a conversation through an account. peer is the sender, who matters in a
// direct one.
func (s Settings) Conversation(agent string, at message.Account, c wit.Conversation, peer string) Key {
	var k Key
	switch c.Kind {
	case wit.ConversationKindGroup, wit.ConversationKindChannel:
		k = s.key(agent, name(at.Channel, "unknown")+":"+string(c.Kind)+":"+part(c.ID))
	default:
		if peer == "" {
			peer = c.ID
		}
		k = s.Direct(agent, at, peer)
	}
	if c.Thread != nil && *c.Thread != "" {
		k += Key(":thread:" + part(*c.Thread))
	}
	return k
}

// Caller returns where a program's requests on somebody's behalf go, such as those of one user of an HTTP API. Two ids that
// differ in case only are two.
func (s Settings) Caller(agent, kind, id string) Key {
	return s.key(agent, name(kind, "unknown")+":"+person(id))
}

// anonymous is the kind of those callers that say nothing of a user or a conversation: each request has a conversation of its own.
const anonymous = "request"

// Anonymous returns where such a request goes.
func (s Settings) Anonymous(agent, id string) Key { return s.Caller(agent, anonymous, id) }

// keep is how long a conversation stays that nobody uses, before it is put into the archive; 0 is forever.
func (s Settings) keep(k Key) time.Duration {
	if _, rest, _ := strings.Cut(strings.TrimPrefix(string(k), "agent:"), ":"); strings.HasPrefix(rest, anonymous+":") {
		return s.KeepAnonymous
	}
	return s.Keep
}

func (s Settings) key(agent, rest string) Key {
	if agent == "" {
		agent = s.DefaultAgent
	}
	return Key("agent:" + name(agent, "main") + ":" + rest)
}

// name makes text fit where ids of agents and accounts stand: [a-z0-9_-]{1,64}.
func name(text, otherwise string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, text)
	text = strings.Trim(text[:min(len(text), maxName)], "-")
	if text == "" {
		return otherwise
	}
	return text
}

// part makes a platform's id one part of a key: a colon inside it cannot look like the next part, and
// a long one is cut and told apart by its hash.
func part(id string) string {
	id = strings.ToLower(strings.ToValidUTF8(strings.TrimSpace(id), "_"))
	id = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '_'
		}
		return r
	}, id)
	short := strings.NewReplacer("%", "%25", ":", "%3a").Replace(id)
	if short == "" {
		return "unknown"
	}
	if len(short) > maxPeer {
		return marked(short, id)
	}
	return short
}

// person is part for somebody's id: two people whose ids differ in case only are told apart, as platforms do.
func person(id string) string {
	short := part(id)
	if id = strings.TrimSpace(id); strings.ToLower(id) != id {
		return marked(short, id)
	}
	return short
}

// marked is the beginning of a part with the hash of the id that it stands for.
func marked(short, id string) string {
	sum := sha256.Sum256([]byte(id))
	return strings.ToValidUTF8(short[:min(len(short), maxPeer-17)], "") + "~" + hex.EncodeToString(sum[:8])
}
