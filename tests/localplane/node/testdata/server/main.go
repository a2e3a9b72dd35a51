// Command server is the image that the node agent's tests run: a web server that shows what a container can see.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "exit" {
		log.Print("exits as told: ", os.Args[2])
		var code int
		fmt.Sscan(os.Args[2], &code)
		os.Exit(code)
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintln(w, name, os.Getenv("VERSION"))
	})
	http.HandleFunc("GET /stopping", func(http.ResponseWriter, *http.Request) { log.Print("preStop") })
	http.HandleFunc("GET /env", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, os.Getenv(r.FormValue("name"))) })
	http.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(r.FormValue("name"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Write(data)
	})
	http.HandleFunc("GET /fetch", func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Get(r.FormValue("url"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		io.Copy(w, answer.Body)
	})
	http.HandleFunc("GET /sick", func(w http.ResponseWriter, _ *http.Request) {
		if time.Since(started) > 2*time.Second {
			http.Error(w, "sick", http.StatusInternalServerError)
		}
	})

	listener, err := net.Listen("tcp", ":80")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	log.Printf("serves as uid %d with %q", os.Getuid(), os.Args)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	log.Print("SIGTERM")
}

var started = time.Now()
