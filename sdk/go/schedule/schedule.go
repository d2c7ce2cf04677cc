// Package schedule is for plugins that ask to be called later, with Host.Schedule.
package schedule
