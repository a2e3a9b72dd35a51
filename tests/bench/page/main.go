// Command page writes the page on what make bench-traffic and make bench-models have measured, and its plots, into the folder that has the figures.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
	traffic, err := read(filepath.Join(folder, figures.FiguresFile))
	if err != nil {
		return err
	}
	models, err := read(filepath.Join(folder, figures.ModelsFile))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "README.md"), []byte(figures.Page(traffic, models)), 0o644); err != nil { //nolint:gosec // all may read it
		return err
	}
	described, err := json.Marshal(figures.Plots(traffic, models))
	if err != nil {
		return err
	}
	plots := exec.Command("plots", folder)
	plots.Stdin, plots.Stderr = bytes.NewReader(described), os.Stderr
	return plots.Run()
}

// read is nil for figures that were not measured.
func read(file string) (*figures.Figures, error) {
	f, err := figures.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}
