package whatsapptest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"unicode/utf8"
)

// Command is one of the number's menu ("Conversational components", Commands).
type Command struct {
	Name  string `json:"command_name"`
	About string `json:"command_description"`
}

// Bounds of a menu, and of a command's name and hint in characters.
const (
	maxCommands = 30
	maxHint     = 256
)

var commandName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

// automate sets the menu; what is not named stays as it is.
func (s *Server) automate(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	var body struct{ Commands *[]Command }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		return nil, invalid(100, "Invalid JSON: "+err.Error())
	}
	if body.Commands == nil {
		return map[string]any{"success": true}, nil
	}
	if len(*body.Commands) > maxCommands {
		return nil, invalid(100, "Param commands must have no more than 30 elements")
	}
	names := map[string]bool{}
	for _, c := range *body.Commands {
		if !commandName.MatchString(c.Name) || c.About == "" || utf8.RuneCountInString(c.About) > maxHint || names[c.Name] {
			return nil, invalid(100, "Param commands: "+c.Name+" is not a command")
		}
		names[c.Name] = true
	}
	s.menu = *body.Commands
	return map[string]any{"success": true}, nil
}

// Menu returns the commands that people see who type a slash to the number.
func (s *Server) Menu() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.menu)
}
