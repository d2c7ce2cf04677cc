package teams

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// keepVotes is how long it is remembered who has chosen what in a poll; a vote that comes later begins to count anew. mostVoters bounds
// the record of a poll, which the kernel keeps below 64 KB.
const (
	keepVotes  = 30 * 24 * time.Hour
	mostVoters = 500
)

// count notes what somebody has chosen in a poll, in place of what they chose before, and returns how many have chosen each of its
// options; nil where that is not known. It is the same when the event comes again.
func (a *answer) count(poll, who string, numbers []int, options int) []int {
	key := "votes/" + short(poll)
	stored, _, err := a.Host.KVGet(key)
	if err != nil || who == "" {
		return nil
	}
	before, _ := json.ParseText(stored) // none, or what this has written
	votes, record, voters, self := make([]int, options), json.Object{}, 0, short(who)
	add := func(voter string, numbers []int) {
		list := json.Array{}
		for _, n := range numbers {
			if n >= 0 && n < options {
				votes[n]++
				list = list.Add(json.Text(strconv.Itoa(n)))
			}
		}
		if voters++; len(list) > 0 {
			record = record.Raw(voter, list.JSON())
		}
	}
	for voter, list := range before.Fields() {
		if voter == self || voters == mostVoters-1 {
			continue
		}
		var old []int
		for _, number := range list.Texts() {
			if n, err := strconv.Atoi(number); err == nil {
				old = append(old, n)
			}
		}
		add(voter, old)
	}
	add(self, numbers)
	if err := a.Host.KVPut(key, string(record.JSON()), keepVotes); err != nil {
		a.Host.Warn("teams: the votes of a poll cannot be counted: " + err.Error())
		return nil
	}
	return votes
}

// short is a fixed name for an id, which may be long.
func short(id string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return strconv.FormatUint(h.Sum64(), 36)
}
