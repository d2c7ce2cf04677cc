// Command channels writes docs/channels.md: what each built-in channel can do, from the facts that its manifest declares and the
// tests that prove them. A cell is there only where a test says that it proves it (channeltest.Proves), and it fails where a
// manifest declares what no test proves, or a test proves what the manifest does not declare. It is run from the module's root.
package main

import (
	"fmt"
	"os"
)

// page is what is written.
const page = "docs/channels.md"

func main() {
	text, err := generate(".")
	if err == nil {
		err = os.WriteFile(page, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "channels:", err)
		os.Exit(1)
	}
}
