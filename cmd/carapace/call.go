package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// newCall reaches every method of the gateway, also those that have no command of their own. Parameters and
// answer pass as JSON: what they mean is between the user and the gateway, which checks them.
func newCall(o *options) *cobra.Command {
	var params string
	c := &cobra.Command{
		Use: "call METHOD", Short: "Call any method of the gateway and print its answer", Example: "  carapace call health\n  carapace call chat.history --params '{\"sessionKey\":\"main\"}'", Args: takes("METHOD"),
		RunE: func(c *cobra.Command, args []string) error {
			if !json.Valid([]byte(params)) {
				return usageError{fmt.Errorf("--params is not JSON such as '{}': %.100s", params)}
			}
			var raw json.RawMessage
			if err := o.call(c.Context(), args[0], json.RawMessage(params), &raw); err != nil {
				return err
			}
			return o.printJSON(raw)
		},
	}
	c.Flags().StringVar(&params, "params", "{}", "the parameters, a JSON object")
	return o.client(c)
}
