// Command modelserver is the image of a model server in a plane's Pods: one server of package modelserver.
//
// Every flag has a variable of the environment, MODELSERVER_ and its name in capitals, so that a Secret can give a key.
// The server has loaded its model, and is healthy, after --load. It ends on SIGTERM once every request is answered.
//
// With --nodes above 1 it is one process of a replica: that of --rank 0 serves, once all others have told it their ranks at --leader, and
// says in its answers who they are. The others serve nothing. All end when one of them is gone.
//
// At a port of its own, which no route should lead to, it tells and does what [modelserver.Server] does inside a test:
//
//	GET  /requests               the last requests that arrived, as JSON
//	POST /failure?status=503     fails all requests from now on; 0 ends it
//	POST /delay?duration=200ms   has all requests wait from now on
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

func main() {
	if err := run(arguments(os.Args)); err != nil {
		log.Fatal(err)
	}
}

// settings are what flags and the environment say.
type settings struct {
	modelserver.Options
	port, controlPort, keys string
	delay, load             time.Duration
	group                   group
}

func run(args []string) error {
	s, err := read(args, os.Getenv)
	if err != nil {
		return err
	}
	asked, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ranks, lost, err := s.group.meet()
	if err != nil {
		return err
	}
	if lost != nil {
		// Whatever it is about to answer is lost, too.
		go func() { log.Fatal(<-lost) }()
	}
	if s.group.rank > 0 {
		log.Printf("rank %d of %d follows %s", s.group.rank, s.group.nodes, s.group.leader)
		<-asked.Done()
		return nil
	}
	s.Ranks = texts(ranks)
	server, err := modelserver.Start(s.Options)
	if err != nil {
		return err
	}
	server.SetDelay(s.delay)
	if s.load > 0 {
		server.SetFailure(http.StatusServiceUnavailable)
		time.AfterFunc(s.load, func() { server.SetFailure(0) })
	}
	control, err := net.Listen("tcp", ":"+s.controlPort)
	if err != nil {
		return err
	}
	go func() { log.Fatal(http.Serve(control, controls(server))) }() //nolint:gosec // it serves tests

	log.Printf("%s serves %s at %s", s.Name, s.Model, server.Address())
	<-asked.Done()
	// Whoever stops a Pod says how long that may take.
	return server.Shutdown(context.Background())
}

func read(args []string, variable func(string) string) (settings, error) {
	var s settings
	host, _ := os.Hostname()
	flags := flag.NewFlagSet("modelserver", flag.ContinueOnError)
	flags.StringVar(&s.Name, "name", host, "what the server calls itself in its answers")
	flags.StringVar(&s.Model, "model", "", "the model on offer")
	flags.StringVar(&s.BasePath, "base-path", "/v1", "what precedes every path but /health")
	flags.StringVar(&s.port, "port", "8000", "where it serves")
	flags.StringVar(&s.controlPort, "control-port", "8001", "where tests look at it")
	flags.StringVar(&s.keys, "keys", "", "the keys that are accepted, with commas between them; none asks for no key")
	flags.StringVar(&s.KeyHeader, "key-header", "", "the header that has the key, bare; Authorization with Bearer by default")
	flags.StringVar(&s.Reply, "reply", "", "the answer, of which each word is a token")
	flags.DurationVar(&s.TokenDelay, "token-delay", 0, "what passes before each token of a stream but the first")
	flags.DurationVar(&s.delay, "delay", 0, "what passes before every answer")
	flags.DurationVar(&s.load, "load", 0, "how long the model takes to load; until then everything is answered 503")
	flags.IntVar(&s.group.nodes, "nodes", 1, "how many processes make up the replica")
	flags.IntVar(&s.group.rank, "rank", 0, "which of them this one is")
	flags.StringVar(&s.group.leader, "leader", "", "where the process of rank 0 is found by the others, with a port or at 29501")
	var fault error
	flags.VisitAll(func(f *flag.Flag) {
		name := "MODELSERVER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := variable(name); value != "" && fault == nil {
			if err := f.Value.Set(value); err != nil {
				fault = fmt.Errorf("%s: %w", name, err)
			}
		}
	})
	if fault != nil {
		return s, fault
	}
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.Address = ":" + s.port
	if s.keys != "" {
		s.Keys = strings.Split(s.keys, ",")
	}
	return s, nil
}

// controls is what the other port serves.
func controls(server *modelserver.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(server.Requests()) //nolint:errcheck // the client has gone, and nobody is left to tell
	})
	mux.HandleFunc("POST /failure", func(w http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(r.FormValue("status"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		server.SetFailure(status)
	})
	mux.HandleFunc("POST /delay", func(w http.ResponseWriter, r *http.Request) {
		delay, err := time.ParseDuration(r.FormValue("duration"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		server.SetDelay(delay)
	})
	return mux
}
