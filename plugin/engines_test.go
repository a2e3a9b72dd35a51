package plugin_test

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// middlewareName is what Traefik calls a Middleware.
var middlewareName = "team_groq@kubernetescrd"

// metricsName is what Traefik calls the Middleware of the entry point of metrics.
const metricsName = "infra_gw-metrics@kubernetescrd"

// engine makes a middleware in front of next, and returns it with what it logs.
type engine func(t testing.TB, next http.Handler, config plugin.Config) (http.Handler, *lockedBuffer)

// engines run the plugin compiled, and interpreted as in Traefik: the two must not differ.
var engines = map[string]engine{"compiled": compiled, "interpreted": interpreted}

// borrow is how the inner listener of the engine gets at a body that a front lends it.
var borrow func(r *http.Request, number string) bool

// useBorrowOf sets borrow to that of the engine called name.
func useBorrowOf(t testing.TB, name string) {
	t.Helper()
	borrow = plugin.Borrow
	if name == "interpreted" {
		borrow = symbol[func(*http.Request, string) bool](t, "main.borrows")
	}
}

// inEveryEngine runs a test once for each engine.
func inEveryEngine(t *testing.T, run func(t *testing.T, build engine)) {
	plugin.SetBodyMemory(bodyMemory)
	for name, build := range engines {
		t.Run(name, func(t *testing.T) {
			useBorrowOf(t, name)
			run(t, build)
		})
	}
}

func compiled(t testing.TB, next http.Handler, config plugin.Config) (http.Handler, *lockedBuffer) {
	t.Helper()
	logged := &lockedBuffer{}
	log.SetOutput(logged)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	handler, err := plugin.New(t.Context(), next, &config, middlewareName)
	require.NoError(t, err)
	return handler, logged
}

func interpreted(t testing.TB, next http.Handler, config plugin.Config) (http.Handler, *lockedBuffer) {
	t.Helper()
	newMiddleware, createConfig, logged := interpreter(t)
	logged.Reset()

	// The interpreter has a type of its own for the configuration.
	theirs := createConfig.Call(nil)[0]
	text, err := json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, theirs.Interface()))
	results := newMiddleware.Call([]reflect.Value{
		reflect.ValueOf(t.Context()), reflect.ValueOf(next), theirs, reflect.ValueOf(middlewareName),
	})
	require.Nil(t, results[1].Interface())
	handler, ok := results[0].Interface().(http.Handler)
	require.True(t, ok, "New returned %T", results[0].Interface())
	return handler, logged
}

var loaded struct {
	sync.Once
	newMiddleware, createConfig reflect.Value
	plugin                      *interp.Interpreter
	logged                      lockedBuffer
}

// interpreter loads the plugin as Traefik does, once.
func interpreter(t testing.TB) (newMiddleware, createConfig reflect.Value, logged *lockedBuffer) {
	t.Helper()
	loaded.Do(func() {
		goPath := t.TempDir()
		writeFiles(t, filepath.Join(goPath, "src", plugin.ModuleName))
		i := interp.New(interp.Options{GoPath: goPath, Stderr: &loaded.logged, Env: []string{
			plugin.MetricsVariable + "=" + metricsName, plugin.LogVariable + "=true", plugin.BodyMemoryVariable + "=" + strconv.Itoa(bodyMemory),
		}})
		require.NoError(t, i.Use(stdlib.Symbols))
		_, err := i.Eval(`import ("net/http"; "` + plugin.ModuleName + `")`)
		require.NoError(t, err)
		_, err = i.Eval(`func borrows(r *http.Request, number string) bool { return plugin.borrow(r, number) != nil }`)
		require.NoError(t, err)
		loaded.newMiddleware, err = i.Eval("plugin.New")
		require.NoError(t, err)
		loaded.createConfig, err = i.Eval("plugin.CreateConfig")
		require.NoError(t, err)
		loaded.plugin = i
	})
	return loaded.newMiddleware, loaded.createConfig, &loaded.logged
}

// symbol is a function of the interpreter's.
func symbol[F any](t testing.TB, name string) F {
	t.Helper()
	interpreter(t)
	found, err := loaded.plugin.Eval(name)
	require.NoError(t, err)
	function, ok := found.Interface().(F)
	require.True(t, ok, "%s is %s", name, found.Type())
	return function
}

// writeFiles writes the plugin's files into folder.
func writeFiles(t testing.TB, folder string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for name, content := range plugin.Files() {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644))
	}
}

// lockedBuffer is a bytes.Buffer that a process writes while a test reads.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func (b *lockedBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer.Reset()
}
