package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/node"
)

// newNodes looks after the devices that do what they are asked for: which there are, what each may be asked for, and the
// asking itself. A node is named by its id or by its name.
func newNodes(o *options) *cobra.Command {
	c := &cobra.Command{Use: "nodes", Short: "Have phones, desktops and other machines do what they offer", Args: known, RunE: help}
	decide := func(use, short, method, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " REQUEST", Short: short, Example: "  carapace nodes " + use + " 3f6c…", Args: takes("REQUEST"),
			RunE: kind{"request", "nodes pending"}.of(act(o, method, func(args []string) any { return node.RequestRef{RequestID: args[0]} }, done)),
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the nodes and what they may be asked for", Example: "  carapace nodes list", Args: takes(),
			RunE: show(o, "node.list", fixed(nil), printNodes),
		}),
		o.client(&cobra.Command{
			Use: "pending", Short: "List the nodes that wait for your approval", Example: "  carapace nodes pending", Args: takes(),
			RunE: show(o, "node.pair.list", fixed(nil), printPendingNodes),
		}),
		decide("approve", "Let a node be asked for what it offers", "node.pair.approve", "approved"),
		decide("reject", "Turn a node away", "node.pair.reject", "rejected"),
		o.onNode("describe NODE", "Show what is known of a node", "phone", takes("NODE"), func(id string, _ []string) runner {
			return show(o, "node.describe", fixed(node.Ref{NodeID: id}), printNode)
		}),
		o.onNode("rename NODE NAME", "Give a node a name of yours", "phone 'my phone'", takes("NODE", "NAME"), func(id string, args []string) runner {
			return act(o, "node.rename", fixed(node.RenameParams{NodeID: id, DisplayName: args[1]}), "renamed")
		}),
		o.onNode("remove NODE", "Forget a node and end its connection", "phone", takes("NODE"), func(id string, _ []string) runner {
			return act(o, "node.pair.remove", fixed(node.Ref{NodeID: id}), "removed")
		}),
		newInvoke(o),
	)
	return c
}

// newInvoke asks a node for a command. Parameters and answer are JSON, which mean what the node says.
func newInvoke(o *options) *cobra.Command {
	var params string
	var timeout span
	var key string
	c := o.onNode("invoke NODE COMMAND", "Ask a node for a command and print its answer", "desk system.which --params '{\"bins\":[\"git\"]}'", takes("NODE", "COMMAND"),
		func(id string, args []string) runner {
			return func(c *cobra.Command, _ []string) error {
				if !json.Valid([]byte(params)) {
					return usageError{fmt.Errorf("--params is not JSON such as '{}': %.100s", params)}
				}
				if key == "" {
					key = uuid.NewString()
				}
				return show(o, "node.invoke", fixed(node.InvokeParams{
					NodeID: id, Command: args[1], Params: json.RawMessage(params), TimeoutMs: time.Duration(timeout).Milliseconds(), IdempotencyKey: key,
				}), o.printInvoked)(c, args)
			}
		})
	c.Flags().StringVar(&params, "params", "{}", "the command's parameters, a JSON object")
	c.Flags().Var(&timeout, "timeout", "how long the node may take (30s when left out)")
	c.Flags().StringVar(&key, "key", "", "the idempotency key: the same one again gets the same answer")
	return c
}

// onNode is a command whose first argument is a node.
func (o *options) onNode(use, short, example string, args cobra.PositionalArgs, run func(id string, args []string) runner) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return o.client(&cobra.Command{
		Use: use, Short: short, Example: "  carapace nodes " + name + " " + example, Args: args, ValidArgsFunction: o.complete(nodeNames),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := o.nodeID(c.Context(), args[0])
			if err != nil {
				return err
			}
			return run(id, args)(c, args)
		},
	})
}

// nodeID returns the id of a node. Errors: kind.named's.
func (o *options) nodeID(ctx context.Context, name string) (string, error) {
	var list node.List
	if err := o.call(ctx, "node.list", nil, &list); err != nil {
		return "", err
	}
	var all []called
	for _, n := range list.Nodes {
		all = append(all, called{n.NodeID, n.DisplayName})
	}
	return kind{"node", "nodes list"}.named(name, all)
}

// nodeNames lists what nodes are called, for completion.
func nodeNames(ctx context.Context, o *options) ([]string, error) {
	var list node.List
	err := o.call(ctx, "node.list", nil, &list)
	var all []string
	for _, n := range list.Nodes {
		if n.DisplayName != "" {
			all = append(all, n.DisplayName)
		} else {
			all = append(all, n.NodeID)
		}
	}
	return all, err
}

func printNodes(w io.Writer, list node.List) error {
	var rows [][]string
	for _, n := range list.Nodes {
		rows = append(rows, []string{nodeState(n), orDash(n.DisplayName), n.NodeID, orDash(n.Platform), orDash(n.RemoteIP), orDash(strings.Join(n.Commands, ", "))})
	}
	return listed(w, "STATE NAME ID PLATFORM FROM COMMANDS", rows, "there is no node: start one with the gateway's address and token, and it shows up here")
}

// nodeState says whether a node is there, and that the owner is waited for.
func nodeState(n node.Row) string {
	state := "away"
	if n.Connected {
		state = "connected"
	}
	if n.PendingRequestID != "" {
		state += ", asks"
	}
	return state
}

func printPendingNodes(w io.Writer, list node.PairList) error {
	var rows [][]string
	for _, r := range list.Pending {
		rows = append(rows, []string{r.RequestID, orDash(r.DisplayName), orDash(r.Platform), orDash(r.RemoteIP), ago(r.Ts), orDash(strings.Join(r.Commands, ", "))})
	}
	return listed(w, "REQUEST NAME PLATFORM FROM SINCE OFFERS", rows, "no node waits for your approval")
}

func printNode(w io.Writer, n node.Description) error {
	since := "away, last here " + ago(n.LastConnectedAtMs)
	if n.Connected {
		since = "connected " + ago(n.ConnectedAtMs)
	}
	rows := [][]string{
		{"name", orDash(n.DisplayName)}, {"id", n.NodeID}, {"state", since}, {"approval", n.ApprovalState},
		{"platform", orDash(n.Platform)}, {"version", orDash(n.Version)}, {"device", orDash(strings.TrimSpace(n.DeviceFamily + " " + n.ModelIdentifier))},
		{"from", orDash(n.RemoteIP)}, {"capabilities", orDash(strings.Join(n.Caps, ", "))}, {"commands", orDash(strings.Join(n.Commands, ", "))},
	}
	for _, name := range slices.Sorted(maps.Keys(n.Permissions)) {
		granted := "not granted"
		if n.Permissions[name] {
			granted = "granted"
		}
		rows = append(rows, []string{"permission", name + ": " + granted})
	}
	if n.PendingRequestID != "" {
		rows = append(rows, []string{"asks for", strings.Join(n.PendingDeclaredCommands, ", ")}, []string{"request", n.PendingRequestID})
	}
	return table(w, "", rows)
}

// printInvoked prints what the node answered, and nothing where it is nothing.
func (o *options) printInvoked(w io.Writer, r node.InvokeResult) error {
	switch {
	case len(r.Payload) > 0:
		return o.printJSON(r.Payload)
	case r.PayloadJSON != nil && *r.PayloadJSON != "":
		return o.println(*r.PayloadJSON)
	}
	_, err := fmt.Fprintln(w, "done")
	return err
}
