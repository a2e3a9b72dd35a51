//go:build !linux

// Command localplane starts and stops local Kubernetes control planes; package
// localplane says what one is.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "localplane: a local plane needs Linux and its namespaces; "+
		"here, use a cluster of your own by its KUBECONFIG")
	os.Exit(1)
}
