package schedule

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// ParseTime reads an ISO time: a date, or a date and a time behind a T or a blank, with or without an offset.
// One without an offset is what the clocks in the zone tz, an IANA name, show; a time that comes twice there
// is the first one, one that is left out is as long after midnight as on other days.
//
// Errors: CodeInvalid.
func ParseTime(text, tz string) (time.Time, error) {
	zone, err := loadZone(tz, time.UTC)
	if err != nil {
		return time.Time{}, err
	}
	iso := strings.Replace(strings.TrimSpace(text), " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, iso); err == nil {
			return onWall(t, zone), nil
		}
		for _, offset := range []string{"Z07:00", "Z0700", " Z07:00"} {
			if t, err := time.Parse(layout+offset, iso); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, wit.Errorf(wit.CodeInvalid, "%.40q is not a time: write it like 2026-01-31T09:00:00Z", text)
}
