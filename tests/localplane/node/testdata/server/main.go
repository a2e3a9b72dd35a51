// Command server is the image that the node agent's tests run: a web server that shows what a container can see.
package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
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
	if len(os.Args) > 1 && os.Args[1] == "hang" {
		time.Sleep(time.Hour)
	}
	if len(os.Args) > 1 && os.Args[1] == "note" {
		note(os.Args[2])
		return
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
	http.HandleFunc("POST /file", func(w http.ResponseWriter, r *http.Request) {
		if err := os.WriteFile(r.FormValue("name"), []byte(r.FormValue("text")), 0o600); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	})
	http.HandleFunc("GET /pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	http.HandleFunc("GET /lookup", func(w http.ResponseWriter, r *http.Request) {
		addresses, err := net.DefaultResolver.LookupHost(r.Context(), r.FormValue("name"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		slices.Sort(addresses)
		fmt.Fprint(w, strings.Join(addresses, " "))
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
	http.HandleFunc("GET /api", callAPI)
	http.HandleFunc("GET /sick-once", func(w http.ResponseWriter, _ *http.Request) {
		if file, err := os.OpenFile("/scratch/was-sick", os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			file.Close()
			http.Error(w, "sick", http.StatusInternalServerError)
		}
	})

	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "80"))
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

// note writes into the container's log as a program does that is run beside the container's own.
func note(text string) {
	log, err := os.OpenFile("/proc/1/fd/1", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(log, "note %s as uid %d\n", text, os.Getuid())
}

// callAPI asks the API server as a client in a Pod does: with what is mounted there, and nothing else.
func callAPI(w http.ResponseWriter, r *http.Request) {
	const account = "/var/run/secrets/kubernetes.io/serviceaccount/"
	token, err := os.ReadFile(account + "token")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://"+server+r.FormValue("path"), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := client.Do(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	io.Copy(w, answer.Body)
}
