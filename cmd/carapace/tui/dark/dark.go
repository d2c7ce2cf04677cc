// Package dark settles the terminal's background before anybody asks the terminal for it.
//
// The package of the terminal chat asks when a program that has it starts, and waits for seconds where no terminal
// answers: a serial line, a program that only looks like a terminal. Packages are initialised in the order of their
// paths as soon as what they import is, so this one comes before it. The colours of the chat go with any background.
package dark

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
