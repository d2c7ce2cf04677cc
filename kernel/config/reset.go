package config

import (
	"slices"
	"strings"
)

// Times of conversations that end by themselves, where none are given.
const (
	resetHour = 4
	resetIdle = 60 // minutes
)

// Hour is the hour of the day at which a daily conversation ends, -1 for one that does not end so.
func (r Reset) Hour() int {
	switch {
	case r.Mode != "daily":
		return -1
	case r.AtHour == nil:
		return resetHour
	}
	return *r.AtHour
}

// Idle is after how many minutes without a message a conversation ends, 0 for never.
func (r Reset) Idle() int {
	if r.Mode == "idle" && r.IdleMinutes == 0 {
		return resetIdle
	}
	if r.Mode == "daily" || r.Mode == "idle" {
		return r.IdleMinutes
	}
	return 0
}

// check reads the rules. It returns what is wrong, nil if nothing is.
func (s Session) check() *fieldError {
	if err := s.Reset.check("session.reset"); err != nil {
		return err
	}
	if s.ArchiveRequestsAfterDays < 0 || s.ArchiveRequestsAfterDays > 36500 {
		return wrong("session.archiveRequestsAfterDays", "%d must be from 0 to 36500", s.ArchiveRequestsAfterDays)
	}
	if s.ArchiveAfterDays < 0 || s.ArchiveAfterDays > 36500 {
		return wrong("session.archiveAfterDays", "%d must be from 0 to 36500", s.ArchiveAfterDays)
	}
	for kind, r := range s.ResetByType {
		if kinds := []string{"direct", "group", "thread"}; !slices.Contains(kinds, kind) {
			return wrong("session.resetByType", "%q must be one of %s", kind, strings.Join(kinds, ", "))
		}
		if err := r.check("session.resetByType." + kind); err != nil {
			return err
		}
	}
	for channel, r := range s.ResetByChannel {
		if err := r.check("session.resetByChannel." + channel); err != nil {
			return err
		}
	}
	return nil
}

func (r Reset) check(field string) *fieldError {
	if err := oneOf(append(strings.Split(field, "."), "mode"), r.Mode); err != nil {
		return err
	}
	if h := r.AtHour; h != nil && (*h < 0 || *h > 23) {
		return wrong(field+".atHour", "%d must be from 0 to 23", *h)
	}
	if r.IdleMinutes < 0 {
		return wrong(field+".idleMinutes", "%d must be 0 or more", r.IdleMinutes)
	}
	return nil
}
