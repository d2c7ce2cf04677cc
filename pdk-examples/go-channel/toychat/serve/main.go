// Command serve runs the chat server for a plugin to connect to: what is typed is said by ann, and what the bot sends to her is printed.
//
//	go run ./pdk-examples/go-channel/toychat/serve
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/carapace-gateway/carapace/pdk-examples/go-channel/toychat"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "where it listens")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
	chat := toychat.New()
	go func() { _ = http.Serve(l, chat) }() // until the process ends
	fmt.Printf("the chat is at http://%s, and its bot's token is %s; say something\n", l.Addr(), toychat.Token)
	go func() {
		for n := 1; ; n++ {
			fmt.Println("bot:", chat.Posts(context.Background(), "ann", n)[n-1])
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		chat.Say("ann", lines.Text())
	}
}
