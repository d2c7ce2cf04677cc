package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newCall(o *options) *cobra.Command {
	var params string
	c := &cobra.Command{
		Use: "call METHOD", Short: "Call any method of the gateway and print its answer", Example: "  carapace call health\n  carapace call chat.history --params '{\"sessionKey\":\"main\"}'", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !json.Valid([]byte(params)) {
				return usageError{fmt.Errorf("--params is not JSON: %s", params)}
			}
			var answer json.RawMessage
			if err := o.call(c.Context(), args[0], json.RawMessage(params), &answer); err != nil {
				return err
			}
			return printJSON(o.out, answer)
		},
	}
	c.Flags().StringVar(&params, "params", "{}", "the parameters, a JSON object")
	return o.client(c)
}
