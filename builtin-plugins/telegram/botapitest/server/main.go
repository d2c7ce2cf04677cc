// Command server runs the Bot API test server in a process of its own, so that a gateway can be tried
// by hand without Telegram:
//
//	go run ./builtin-plugins/telegram/botapitest/server -addr 127.0.0.1:8081 -control 127.0.0.1:8082
//	curl -d '{"from":{"id":7,"first_name":"Ada"},"text":"hello"}' 127.0.0.1:8082/say
//	curl 127.0.0.1:8082/sent
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "where bots connect")
	control := flag.String("control", "127.0.0.1:8082", "where the server is driven from")
	token := flag.String("token", botapitest.DefaultToken, "the bot's token")
	interval := flag.Duration("interval", time.Second, "least time between two messages to one chat")
	flag.Parse()
	server := botapitest.New(botapitest.Config{Token: *token, ChatInterval: *interval, GlobalRate: 30})
	url, err := server.Listen(*addr)
	if err == nil {
		fmt.Printf("bots: %s  token: %s  control: http://%s\n", url, *token, *control)
		err = (&http.Server{Addr: *control, Handler: server.Control(), ReadHeaderTimeout: 10 * time.Second}).ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, "botapitest:", err)
	os.Exit(1)
}
