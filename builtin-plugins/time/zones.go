package clock

import (
	_ "embed" // for zones.txt
	"strings"
	"time"
)

// zoneRules has a line for each rule: the rule as POSIX writes it, and the names of the zones that it is
// in force in. It is 10 KB, where Go's time/tzdata, with all of history, is 450.
//
//go:generate go run ./zonegen
//go:embed zones.txt
var zoneRules string

// cities that are not the namesakes of a zone, next to the one that is.
var cities = map[string]string{
	"abu_dhabi": "dubai", "bangalore": "kolkata", "barcelona": "madrid", "beijing": "shanghai",
	"boston": "new_york", "cape_town": "johannesburg", "cologne": "berlin", "delhi": "kolkata",
	"frankfurt": "berlin", "geneva": "zurich", "hamburg": "berlin", "hanoi": "bangkok",
	"houston": "chicago", "kyoto": "tokyo", "las_vegas": "los_angeles", "miami": "new_york",
	"milan": "rome", "mumbai": "kolkata", "munich": "berlin", "new_delhi": "kolkata", "osaka": "tokyo",
	"philadelphia": "new_york", "rio_de_janeiro": "sao_paulo", "san_francisco": "los_angeles",
	"seattle": "los_angeles", "st_petersburg": "moscow", "washington": "new_york",
}

// findZone returns the zone of a name: an IANA name, a city, an offset such as +05:30, or, when it is
// empty, the owner's, which is UTC when that is empty too.
func findZone(name, ownerZone string) (*time.Location, error) {
	if name == "" {
		name = ownerZone
	}
	if name == "" {
		return time.UTC, nil
	}
	if t, err := time.Parse("-07:00", name); err == nil {
		_, offset := t.Zone()
		return time.FixedZone("UTC"+name, offset), nil
	}
	folded := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_")
	if near, ok := cities[folded]; ok {
		folded = near
	}
	zone, rule := lookUp(folded)
	if zone == "" {
		return nil, invalid("there is no time zone " + name + ": use a name such as Europe/Berlin, a large city or an offset such as +05:30")
	}
	return location(zone, rule)
}

// lookUp finds a zone by its whole name or else by its city, in whatever case.
func lookUp(name string) (zone, rule string) {
	for line := range strings.Lines(zoneRules) {
		lineRule, names, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		for candidate := range strings.SplitSeq(names, " ") {
			at := len(candidate) - len(name)
			switch {
			case name == "" || at < 0 || !strings.EqualFold(candidate[at:], name):
			case at == 0:
				return candidate, lineRule
			case candidate[at-1] == '/':
				zone, rule = candidate, lineRule
			}
		}
	}
	return zone, rule
}

// location makes a zone that follows a rule at all times. The standard library reads rules only as the
// footer of a zone file, so this writes the shortest file that there can be around it.
func location(name, rule string) (*time.Location, error) {
	const (
		header = "TZif2" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
			"\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + // no UTC or standard marks, no leap seconds
			"\x00\x00\x00\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x04" // no transitions, one type, four letters
		types = "\x00\x00\x00\x00\x00\x00" + "UTC\x00" // offset 0, no summer time, letters from 0
	)
	zone, err := time.LoadLocationFromTZData(name, []byte(header+types+header+types+"\n"+rule+"\n"))
	if err != nil {
		return nil, invalid("the rule of time zone " + name + " cannot be read")
	}
	return zone, nil
}
