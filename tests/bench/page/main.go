// Command page writes the page on what make bench-traffic has measured, and its plots, into the folder that has the figures.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
)

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	f, err := figures.Read(filepath.Join(folder, figures.FiguresFile))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "README.md"), []byte(f.Page()), 0o644); err != nil { //nolint:gosec // all may read it
		return err
	}
	described, err := json.Marshal(f.Plots())
	if err != nil {
		return err
	}
	plots := exec.Command("plots", folder)
	plots.Stdin, plots.Stderr = bytes.NewReader(described), os.Stderr
	return plots.Run()
}
