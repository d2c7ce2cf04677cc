package wizard

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/wit"
)

// Step is what a client shows and asks.
type Step struct {
	ID string `json:"id"`
	// Type is select, text or confirm.
	Type    string   `json:"type"`
	Title   string   `json:"title,omitempty"`
	Message string   `json:"message,omitempty"`
	Options []Option `json:"options,omitempty"`
	// InitialValue is what the answer is where nothing is changed.
	InitialValue any    `json:"initialValue,omitempty"`
	Placeholder  string `json:"placeholder,omitempty"`
	// Sensitive texts are credentials, which a client does not show.
	Sensitive bool `json:"sensitive,omitempty"`
	// Executor is client: it is a person who answers.
	Executor string `json:"executor"`
}

// Option is one of the answers to a select.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
	Hint  string `json:"hint,omitempty"`
}

// asked is a step that waits for its answer; then says what comes after it, nil for nothing. An error of the code invalid means
// that the step is asked again.
type asked struct {
	step Step
	then func(ctx context.Context, value any) (*asked, error)
}

// text is an answer as text. Errors: CodeInvalid for one that is none.
func text(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case bool, float64:
		return fmt.Sprint(v), nil
	}
	return "", wit.NewError(wit.CodeInvalid, "the answer has to be a text")
}

// choose asks for one of several.
func choose(title, message string, options []Option, initial string, then func(context.Context, string) (*asked, error)) *asked {
	return &asked{Step{Type: "select", Title: title, Message: message, Options: options, InitialValue: initial}, func(ctx context.Context, value any) (*asked, error) {
		chosen, err := text(value)
		if err != nil {
			return nil, err
		}
		for _, o := range options {
			if o.Value == chosen {
				return then(ctx, chosen)
			}
		}
		return nil, wit.Errorf(wit.CodeInvalid, "%.64q is none of the choices", chosen)
	}}
}

// confirm asks for yes or no.
func confirm(title, message string, initial bool, then func(ctx context.Context, yes bool) (*asked, error)) *asked {
	return &asked{Step{Type: "confirm", Title: title, Message: message, InitialValue: initial}, func(ctx context.Context, value any) (*asked, error) {
		yes, ok := value.(bool)
		if !ok {
			return nil, wit.NewError(wit.CodeInvalid, "the answer has to be true or false")
		}
		return then(ctx, yes)
	}}
}

// ask asks for one setting. What is left empty stays as it is.
func ask(title string, f form.Field, keep func(form.Field, string), then func() (*asked, error)) *asked {
	message := f.Title
	if f.Help != "" {
		message += "\n" + f.Help
	}
	next := func(_ context.Context, value string) (*asked, error) {
		if value == "" && f.Required {
			return nil, wit.Errorf(wit.CodeInvalid, "%s is needed", f.Title)
		}
		if value != "" {
			keep(f, value)
		}
		return then()
	}
	switch {
	case f.Kind == "boolean":
		return confirm(title, message, f.Preset == "true", func(ctx context.Context, yes bool) (*asked, error) { return next(ctx, fmt.Sprint(yes)) })
	case len(f.Choices) > 0:
		options := []Option{}
		if !f.Required {
			options = append(options, Option{"", "As it is", f.Preset})
		}
		for _, choice := range f.Choices {
			options = append(options, Option{choice, choice, ""})
		}
		return choose(title, message, options, options[0].Value, next)
	}
	hint := f.Example
	if hint == "" {
		hint = f.Preset
	}
	return &asked{Step{Type: "text", Title: title, Message: message, Placeholder: hint, Sensitive: f.Secret}, func(ctx context.Context, value any) (*asked, error) {
		said, err := text(value)
		if err != nil {
			return nil, err
		}
		return next(ctx, said)
	}}
}

// askEach asks for several settings, one after the other.
func askEach(title string, fields []form.Field, keep func(form.Field, string), then func() (*asked, error)) (*asked, error) {
	if len(fields) == 0 {
		return then()
	}
	return ask(title, fields[0], keep, func() (*asked, error) { return askEach(title, fields[1:], keep, then) }), nil
}

// answers are what one plugin is to be told.
type answers struct {
	values  map[string]json.RawMessage
	secrets map[string]string
}

func newAnswers() *answers {
	return &answers{map[string]json.RawMessage{}, map[string]string{}}
}

// keep keeps one. A credential never gets into the settings.
func (a *answers) keep(f form.Field, text string) {
	if f.Secret {
		a.secrets[f.Name] = text
		return
	}
	a.values[f.Name] = f.Value(text)
}
