// Package service is for plugins that work in the background while the gateway runs. What such a plugin keeps in memory lasts
// from its start to its stop.
package service

import "github.com/carapace-gateway/carapace/wit"

// Well says that nothing is wrong, and what the service does at present.
func Well(message string) *wit.ServiceHealth { return &wit.ServiceHealth{Message: message} }

// Ill says what is wrong: the service is started anew.
func Ill(problem string) *wit.ServiceHealth { return &wit.ServiceHealth{Problem: problem} }
