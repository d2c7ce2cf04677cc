package channel

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rate"
)

// complaintRate is how often the log says of an account that its plugin asks for too much: an answer may do so a
// hundred times, and an event may follow at once.
var complaintRate = rate.Limit{PerSecond: 1, Burst: 20}

// complaints are what the log says of that. The loop owns them; they outlive a start, which a plugin may bring about.
type complaints struct {
	log    hclog.Logger
	level  rate.Bucket
	unsaid int // since the last one that was said
}

// warn says one, with how many were not said before it, or leaves it out where there were too many.
func (c *complaints) warn(message string, details ...any) {
	if c.level.Take(time.Now(), complaintRate) > 0 {
		c.unsaid++
		return
	}
	if c.unsaid > 0 {
		details = append(details, "unsaid", c.unsaid)
		c.unsaid = 0
	}
	c.log.Warn(message, details...)
}
