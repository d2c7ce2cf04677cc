package irctest

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/scram"
)

// handle answers a line, and reports whether the connection goes on; mu is held.
func (c *client) handle(l *line) bool {
	switch l.command {
	case "CAP":
		c.capability(l)
	case "PASS":
		c.pass = l.param(0)
	case "NICK":
		c.rename(l.param(0))
	case "USER":
		c.user = "~" + l.param(0)
	case "AUTHENTICATE":
		c.authenticate(l.param(0))
	case "PING":
		if !c.server.faults.silent {
			c.answer(nil, ":"+Name+" PONG "+Name+" :"+l.param(0))
		}
	case "PONG":
	case "QUIT":
		c.answer(nil, "ERROR :Closing Link: "+c.nick+" (Client Quit)")
		return false
	default:
		if !c.registered {
			c.numeric(451, ":You have not registered")
			return true
		}
		return c.command(l)
	}
	return c.register()
}

// capability negotiates them.
func (c *client) capability(l *line) {
	nick := c.nick
	if nick == "" {
		nick = "*"
	}
	switch strings.ToUpper(l.param(0)) {
	case "LS":
		c.negotiating = !c.registered
		list := c.server.capabilities()
		if l.param(1) == "302" && len(list) > 4 { // in two lines, as long lists come
			c.answer(nil, ":"+Name+" CAP "+nick+" LS * :"+strings.Join(list[:4], " "))
			list = list[4:]
		}
		c.answer(nil, ":"+Name+" CAP "+nick+" LS :"+strings.Join(list, " "))
	case "LIST":
		c.answer(nil, ":"+Name+" CAP "+nick+" LIST :"+strings.Join(c.caps, " "))
	case "REQ":
		c.negotiating = !c.registered
		for name := range strings.FieldsSeq(l.param(1)) {
			if !c.server.offers(strings.TrimPrefix(name, "-")) {
				c.answer(nil, ":"+Name+" CAP "+nick+" NAK :"+l.param(1))
				return
			}
		}
		c.caps = append(c.caps, strings.Fields(l.param(1))...)
		c.answer(nil, ":"+Name+" CAP "+nick+" ACK :"+l.param(1))
	case "END":
		c.negotiating = false
	}
}

// authenticate is SASL, by SCRAM or PLAIN.
func (c *client) authenticate(what string) {
	mechanism := c.authenticating
	switch {
	case !c.has("sasl"):
		c.numeric(904, ":SASL authentication failed")
	case mechanism == "" && slices.Contains(c.server.mechanisms(), what):
		c.authenticating = what
		c.scram = scram.Begin(what, func(user string) string { return c.server.config.Accounts[user] })
		c.answer(nil, "AUTHENTICATE +")
	case what == "*" || mechanism == "":
		c.authenticating = ""
		c.numeric(906, ":SASL authentication aborted")
	case c.scram != nil:
		c.goOn(what)
	default:
		data, _ := base64.StdEncoding.DecodeString(what)
		part := strings.Split(string(data), "\x00")
		if password := ""; len(part) == 3 {
			password = c.server.config.Accounts[part[1]]
			if password != "" && password == part[2] && (part[0] == "" || part[0] == part[1]) {
				c.logIn(part[1])
				return
			}
		}
		c.authenticating = ""
		c.numeric(904, ":SASL authentication failed")
	}
}

// goOn hears the client's next message of a login by SCRAM, and after the last one that it has nothing more to say.
func (c *client) goOn(what string) {
	if c.proved {
		c.logIn(c.scram.User)
		return
	}
	c.scram.Forged = c.server.config.Forged
	answer, done, ok := c.scram.Hear(what)
	if !ok {
		c.authenticating = ""
		c.numeric(904, ":SASL authentication failed")
		return
	}
	c.proved = done
	c.answer(nil, "AUTHENTICATE "+answer)
}

func (c *client) logIn(account string) {
	c.server.mechanism = c.authenticating
	c.authenticating, c.scram = "", nil
	c.account = account
	c.server.logins++
	c.numeric(900, "* "+c.account+" :You are now logged in as "+c.account)
	c.numeric(903, ":SASL authentication successful")
}

// rename gives a client its nick, or another one.
func (c *client) rename(nick string) {
	s := c.server
	switch {
	case nick == "" || len(nick) > 30 || strings.ContainsAny(nick, " ,:#&*?!@.") || nick[0] >= '0' && nick[0] <= '9':
		c.numeric(432, nick+" :Erroneous nickname")
	case s.taken(nick) && !(c.registered && lower(nick) == lower(c.nick)):
		c.numeric(433, nick+" :Nickname is already in use")
	case !c.registered:
		c.nick = nick
	default:
		old := c.source()
		told := map[*client]bool{}
		for _, r := range s.rooms {
			if r.members[lower(c.nick)] {
				for _, other := range s.in(r) {
					told[other] = true
				}
				delete(r.members, lower(c.nick))
				r.members[lower(nick)] = true
			}
		}
		told[c] = true
		delete(s.clients, lower(c.nick))
		c.nick = nick
		s.clients[lower(nick)] = c
		for other := range told {
			other.send(nil, old+" NICK :"+nick)
		}
	}
}

func (s *Server) taken(nick string) bool {
	_, person := s.people[lower(nick)]
	return person || s.clients[lower(nick)] != nil || lower(nick) == lower(Name)
}

// register lets a client in that has said all there is to say.
func (c *client) register() bool {
	s := c.server
	if c.registered || c.negotiating || c.nick == "" || c.user == "" {
		return true
	}
	switch {
	case s.config.Password != "" && c.pass != s.config.Password:
		c.numeric(464, ":Password incorrect")
		c.answer(nil, "ERROR :Closing Link: (Access denied)")
		return false
	case s.faults.banned:
		c.numeric(465, ":You are banned from this server")
		c.answer(nil, "ERROR :Closing Link: (Banned)")
		return false
	case s.taken(c.nick):
		c.numeric(433, c.nick+" :Nickname is already in use")
		return true
	}
	c.registered = true
	s.clients[lower(c.nick)] = c
	c.numeric(1, ":Welcome to the Test IRC Network "+strings.TrimPrefix(c.source(), ":"))
	c.numeric(2, ":Your host is "+Name+", running irctest")
	c.numeric(3, ":This server was created for tests")
	c.numeric(4, Name+" irctest o bklmnov")
	c.numeric(5, "CASEMAPPING=rfc1459 CHANTYPES=# NETWORK=Test NICKLEN=30 PREFIX=(ov)@+ :are supported by this server")
	c.numeric(422, ":MOTD File is missing")
	return true
}
