// Command ctl installs, starts, stops and lists the servers that tests and development use: install, up, down or status,
// then the folder of their state.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/breakwater-go/breakwater/internal/backends"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "backends:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: install|up|down|status FOLDER")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var lines []string
	var err error
	switch args[0] {
	case "install":
		var server backends.RedisServer
		server, err = backends.FindRedis(ctx, args[1])
		lines = []string{"redis-server: " + server.Path}
	case "up":
		lines, err = backends.Up(ctx, args[1])
	case "down":
		err = backends.Down(args[1])
	case "status":
		lines, err = backends.Status(args[1])
	default:
		err = fmt.Errorf("%q is no command; valid are install, up, down, status", args[0])
	}
	if len(lines) > 0 {
		fmt.Println(strings.Join(lines, "\n"))
	}
	return err
}
