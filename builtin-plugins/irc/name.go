package irc

import "strings"

// lower folds a name as the server compares it (CASEMAPPING of RPL_ISUPPORT): with rfc1459 the characters {}|~ are the
// lower forms of []\^.
func (s *state) lower(name string) string {
	name = asciiLower(name)
	if s.asciiCase {
		return name
	}
	return strings.NewReplacer("[", "{", "]", "}", `\`, "|", "~", "^").Replace(name)
}

// asciiLower folds the letters of ASCII alone, as all mappings do.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// same reports whether two names are one.
func (s *state) same(a, b string) bool { return s.lower(a) == s.lower(b) }

// defaultRooms are the first characters of rooms, where the server does not say (CHANTYPES).
const defaultRooms = "#&+!"

// isRoom reports whether a name is a room's.
func (s *state) isRoom(name string) bool {
	types := s.roomTypes
	if types == "" {
		types = defaultRooms
	}
	return name != "" && strings.IndexByte(types, name[0]) >= 0
}

// target checks where something is to be said, and takes the mark of an unproven person off. It is "" for what is no name:
// several names, or something that would be another parameter.
func target(id string) string {
	id = strings.TrimPrefix(id, unproven)
	bad := func(r rune) bool { return r <= ' ' || r == ',' || r == '*' || r == '?' || r == 0x7f }
	if id == "" || len(id) > 200 || id[0] == ':' || id[0] == '$' || id[0] == '@' && len(id) == 1 || strings.ContainsFunc(id, bad) {
		return ""
	}
	return id
}
