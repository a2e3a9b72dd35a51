package plugin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// objects are texts of which parsers could disagree: JSON with the key in every spelling and at every depth, and the same with a few bytes changed.
var objects = rapid.Custom(func(t *rapid.T) []byte {
	text := []byte(space.Draw(t, "before") + object(t, 3) + space.Draw(t, "after"))
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		if len(text) == 0 || rapid.Bool().Draw(t, "valid") {
			break
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		text = bytes.Join([][]byte{text[:at], []byte(pieces.Draw(t, "piece")), text[at+rapid.IntRange(0, 1).Draw(t, "removed"):]}, nil)
	}
	return text
})

var (
	space  = rapid.SampledFrom([]string{"", "", "", " ", "\n", "\t\r\n"})
	pieces = rapid.SampledFrom([]string{`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `"model":"x"`, `\"model\":`, "\x00", "\xff", "\xef\xbb\xbf", `\u006d`, `'`, `/**/`, `NaN`, `0`, ``})
	keys   = rapid.SampledFrom([]string{
		`"model"`, `"model"`, `"model"`, `"Model"`, `"mOdel"`, `"modEl"`, `"modeL"`, `"MODEL"`, `"\u006dodel"`, `"mod\u0065l"`, `"model "`, `"model\u0000"`, `"\"model\""`, `"xmodel"`,
		`"messages"`, `"metadata"`, `"My"`, `"mode"`, `""`, `"ｍodel"`, `"mo\/del"`,
	})
	scalars = rapid.SampledFrom([]string{
		`"a"`, `"gpt-4o"`, `"\u0061"`, `"\ud83d\ude00"`, `"\ud800"`, `"é\n\"\\"`, `"\"model\":\"b\""`, `"model"`, `"\\"`, `"{"`, `"}],"`, `1`, `-0.5e+3`, `null`, `true`, `""`, `12345678901234567890`,
	})
)

func object(t *rapid.T, depth int) string {
	var members []string
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		members = append(members, space.Draw(t, "s1")+keys.Draw(t, "key")+space.Draw(t, "s2")+":"+space.Draw(t, "s3")+value(t, depth-1)+space.Draw(t, "s4"))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func value(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	switch {
	case depth > 0 && kind == 0:
		return object(t, depth)
	case depth > 0 && kind == 1:
		return "[" + value(t, depth-1) + "," + object(t, depth-1) + "]"
	}
	return scalars.Draw(t, "scalar")
}

// parsers are programs that read lines with texts in Base64, and write for each what its object has, or null.
var parsers = map[string][]string{
	"python3": {"-c", `
import base64, json, sys
for line in sys.stdin:
    try:
        read = json.loads(base64.b64decode(line))
    except Exception:
        read = None
    print(json.dumps(read))
`},
	"node": {"-e", `
for (const line of require("fs").readFileSync(0, "utf8").split("\n").slice(0, -1)) {
  let read = null;
  try { read = JSON.parse(new TextDecoder("utf-8", {ignoreBOM: true}).decode(Buffer.from(line, "base64"))); } catch {}
  console.log(JSON.stringify(read));
}
`},
}

// TestNoParserReadsAnotherModel would catch a text in which a server reads another model than the gateway, in Go, Python or JavaScript, before and after the
// gateway writes the server's own name, and one of which anything else changes.
func TestNoParserReadsAnotherModel(t *testing.T) {
	const other = `theirs/"x" é`
	type accepted struct {
		name           string
		text, replaced []byte
	}
	var all []accepted
	refused := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 100 {
			text := objects.Draw(t, "text")
			if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
				continue
			}
			name, replaced, code := plugin.Named(text, other)
			if json.Valid(text) {
				sameName, same, sameCode := plugin.NamedAmongKeys(text, other)
				require.Equal(t, []any{sameName, string(same), sameCode}, []any{name, string(replaced), code}, "%q", text)
			}
			refused[code]++
			if code == "" {
				all = append(all, accepted{name, text, replaced})
			}
		}
	})
	t.Logf("refused, by code: %v", refused)
	for _, code := range []string{"", "invalid_json", "ambiguous_model", "invalid_model"} {
		require.Greater(t, refused[code], 20, code)
	}

	named := 0
	for _, a := range all {
		var before, after struct{ Model *string }
		require.NoError(t, json.NewDecoder(bytes.NewReader(a.text)).Decode(&before), "%q", a.text)
		require.NoError(t, json.NewDecoder(bytes.NewReader(a.replaced)).Decode(&after), "%q", a.replaced)
		if a.name == "" {
			assert.Nil(t, before.Model, "%q", a.text)
			continue
		}
		named++
		require.NotNil(t, before.Model, "%q", a.text)
		assert.Equal(t, a.name, *before.Model, "%q", a.text)
		assert.Equal(t, other, *after.Model, "%q", a.replaced)
	}
	require.Greater(t, named, 100)

	for program, arguments := range parsers {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("not compared with %s, which is not installed", program)
			continue
		}
		var in bytes.Buffer
		for _, a := range all {
			in.WriteString(base64.StdEncoding.EncodeToString(a.text) + "\n" + base64.StdEncoding.EncodeToString(a.replaced) + "\n")
		}
		command := exec.Command(program, arguments...)
		command.Stdin = &in
		out, err := command.Output()
		require.NoError(t, err)
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		require.Len(t, lines, 2*len(all))
		for i, a := range all {
			before, after := objectOf(t, lines[2*i]), objectOf(t, lines[2*i+1])
			// What is no text in UTF-8 is for the server to refuse.
			if a.name != "" && before != nil {
				assert.Equal(t, a.name, before["model"], "%s: %q", program, a.text)
				assert.Equal(t, other, after["model"], "%s: %q", program, a.replaced)
			} else {
				assert.NotContains(t, before, "model", "%s: %q", program, a.text)
			}
			delete(before, "model")
			delete(after, "model")
			assert.Equal(t, before, after, "%s: %q", program, a.text)
		}
	}
}

func objectOf(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var read map[string]any
	require.NoError(t, json.Unmarshal(line, &read), "%s", line)
	return read
}
