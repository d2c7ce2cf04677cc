package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/roster"
)

// newModels looks after which models answer.
func newModels(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "models", Short: "See which models there are, try them, fetch one, and say which one answers", Args: known, RunE: help,
		Example: "  carapace models list\n  carapace models test\n  carapace models use openai/gpt-6.2-sol anthropic/claude-opus-5-5",
	}
	c.AddCommand(newModelsList(o), newModelsTest(o), newModelsUse(o), newModelsPull(o))
	return c
}

func newModelsList(o *options) *cobra.Command {
	var p chat.ModelsListParams
	c := o.client(&cobra.Command{
		Use: "list", Short: "List the models of the providers that are set up", Example: "  carapace models list\n  carapace models list --refresh", Args: takes(),
		RunE: func(c *cobra.Command, args []string) error {
			return show(o, "models.list", fixed(p), printModels)(c, args)
		},
	})
	c.Flags().BoolVar(&p.Refresh, "refresh", false, "ask the providers again, and remember nothing")
	return c
}

// printModels writes a line for each model, and below what is wrong with a provider.
func printModels(w io.Writer, r chat.ModelsListResult) error {
	var rows [][]string
	for _, m := range r.Models {
		rows = append(rows, []string{m.Provider + "/" + m.ID, orDash(m.Alias), number32(m.ContextWindow), yes(slices.Contains(m.Input, "image")), yes(m.SupportsTools), priceOf(m.Cost), stateOf(m)})
	}
	err := listed(w, "MODEL ALIAS CONTEXT IMAGES TOOLS PRICE STATE", rows, "no provider is set up: `carapace setup` sets one up")
	for _, p := range r.ProviderOutcomes {
		if p.Status != "ready" {
			_, failed := fmt.Fprintf(w, "%s does not list its models: %s\n", plain.Line(p.Provider), plain.Line(p.Status))
			err = errors.Join(err, failed)
		}
	}
	return err
}

func number32(n uint32) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(uint64(n), 10)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "-"
}

// priceOf is what a million tokens that are read, and that are written, cost.
func priceOf(c *chat.ModelCost) string {
	if c == nil {
		return "-"
	}
	return fmt.Sprintf("$%g/$%g", c.Input, c.Output)
}

func stateOf(m chat.ModelChoice) string {
	switch {
	case m.Available:
		return "ready"
	case m.UnavailableUntil > 0:
		return m.UnavailableReason + " for " + length(time.Until(time.UnixMilli(m.UnavailableUntil)))
	}
	return "unavailable"
}

func newModelsTest(o *options) *cobra.Command {
	var p chat.ModelsTestParams
	c := o.client(&cobra.Command{
		Use: "test [MODEL]", Short: "Try whether the key, the model and its tools work", Args: takes("[MODEL]"),
		Long: "Ask a model something, by each key that its provider has, and have it call a tool: whether the key is taken, after how long the\n" +
			"answer begins, and whether tools work. Without a name, all that may answer are asked: the model and its fallbacks. It costs a few\n" +
			"tokens, and asks also what rests after failures; what works does not rest any more. Exits with 1 when one does not answer.",
		Example: "  carapace models test\n  carapace models test openai/gpt-6.2-sol",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				p.Model = args[0]
			}
			var raw json.RawMessage
			if err := o.call(c.Context(), "models.test", p, &raw); err != nil {
				return err
			}
			var r chat.ModelsTestResult
			if err := json.Unmarshal(raw, &r); err != nil {
				return fmt.Errorf("read the answer of models.test: %w", err)
			}
			if err := printAnswer(o, "models.test", raw, printTrials); err != nil || r.OK {
				return err
			}
			return errors.New("not all of the models answer")
		},
	})
	c.Flags().StringVar(&p.AgentID, "agent", "", "whose models are meant; without it, the default agent's")
	return c
}

// printTrials writes one line for each model and key.
func printTrials(w io.Writer, r chat.ModelsTestResult) error {
	var rows [][]string
	for _, t := range r.Trials {
		first := "no"
		if t.Answers {
			first = fmt.Sprintf("after %dms", t.FirstMs)
		}
		tools := "work"
		if !t.Tools {
			tools = "no"
		}
		why := t.Problem
		if t.Answers {
			why = t.ToolsProblem
		}
		rows = append(rows, []string{mark(t.Answers, !t.Tools) + " " + t.Model, "key " + t.Key + " " + t.KeyStatus, "answers " + first, "tools " + tools, why})
	}
	return table(w, "", rows)
}

func newModelsUse(o *options) *cobra.Command {
	var agent string
	c := o.client(&cobra.Command{
		Use: "use MODEL [FALLBACK]...", Short: "Say which model answers, and which are asked in its place when it cannot", Args: cobra.MinimumNArgs(1),
		Example: "  carapace models use openai/gpt-6.2-sol\n  carapace models use openai/gpt-6.2-sol anthropic/claude-opus-5-5 ollama/llama3.3",
		RunE: func(c *cobra.Command, args []string) error {
			chain := config.ModelChain{Primary: args[0], Fallbacks: args[1:]}
			if len(args) == 1 {
				chain.Fallbacks = nil
			}
			if agent != "" {
				text, err := json.Marshal(chain)
				if err != nil {
					return err
				}
				return act(o, "agents.update", fixed(roster.UpdateParams{AgentID: agent, Model: text}), "changed")(c, args)
			}
			patch, err := json.Marshal(map[string]any{"agent": map[string]any{"model": nil}, "agents": map[string]any{"defaults": map[string]any{"model": chain}}})
			if err != nil {
				return err
			}
			done, err := o.settings().patch(c.Context(), patch, "")
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(done)
			}
			return o.println(strings.Join(args, ", then ") + ": written to " + done.Path)
		},
	})
	c.Flags().StringVar(&agent, "agent", "", "which agent they are for; without it, all that have no model of their own")
	return c
}
