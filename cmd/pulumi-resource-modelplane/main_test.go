package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider"
)

// TestTheProgramSaysItsVersion would catch a release whose program does not know which one it is.
func TestTheProgramSaysItsVersion(t *testing.T) {
	output, err := exec.Command(build(t), "--version").Output()
	require.NoError(t, err)
	require.Equal(t, provider.Version+"\n", string(output))
}

// BenchmarkStart is the time from the program's start until it serves, when it prints its port. Every pulumi command that has
// one of our resources starts it. The program's size comes with it.
func BenchmarkStart(b *testing.B) {
	program := build(b)
	file, err := os.Stat(program)
	require.NoError(b, err)
	for b.Loop() {
		served := exec.Command(program)
		printed, err := served.StdoutPipe()
		require.NoError(b, err)
		require.NoError(b, served.Start())
		port, err := bufio.NewReader(printed).ReadString('\n')
		require.NoError(b, err)
		require.NotEmpty(b, strings.TrimSpace(port))
		b.StopTimer()
		require.NoError(b, served.Process.Kill())
		_ = served.Wait()
		b.StartTimer()
	}
	b.ReportMetric(float64(file.Size())/1e6, "MB")
}

// build builds the program as the Makefile does.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "pulumi-resource-modelplane")
	output, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	return program
}
