package sdk

import "github.com/carapace-gateway/carapace/wit"

// Debug writes a line that only somebody who looks for trouble wants to see. Lines are cut at wit.LogLineMessageCut
// bytes.
func (h *Host) Debug(message string) { h.log(wit.LogLevelDebug, message) }

// Info writes a line for the owner's log.
func (h *Host) Info(message string) { h.log(wit.LogLevelInfo, message) }

// Warn writes a line about what works, but not as it should.
func (h *Host) Warn(message string) { h.log(wit.LogLevelWarn, message) }

// Error writes a line about what does not work. What a call returns as its error is logged anyway.
func (h *Host) Error(message string) { h.log(wit.LogLevelError, message) }

func (h *Host) log(level wit.LogLevel, message string) {
	_ = call(h, logWrite, &wit.LogLine{Level: level, Message: message}, &wit.Done{}) // a lost line stops nobody
}
