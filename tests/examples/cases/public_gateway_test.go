package cases

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// allowance is how many requests a caller of the public gateway may send in a minute to each of its two replicas.
const allowance = 6

// TestAPublicGatewayServesByHTTPSWhoHasAKey would catch a caller without a valid key who is served, plain HTTP that is, a limit that
// does not hold or that another caller has used up, a page of another site that may ask, and a secret in Pulumi's log or state.
func TestAPublicGatewayServesByHTTPSWhoHasAKey(t *testing.T) {
	sharedGateway(t) // installs the CRDs
	secrets := map[string]string{
		"secret:groqKey": "gsk-Public-51e0c7aa", "secret:searchKey": "search-Public-90aa41d2", "secret:pagesKey": "pages-Public-77f2b813",
	}
	harness.ServeTLS(t, modelserver.Options{
		Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{secrets["secret:groqKey"]}, Reply: "groq",
	}, "api.groq-public.example")
	inEachLanguage(t, func(t *testing.T, language string) {
		hostname := language + ".public.example"
		issued, err := harness.CA.Issue([]string{hostname}, nil)
		require.NoError(t, err)
		var certificate string
		certificate, secrets["secret:privateKey"], err = modelserver.PEM(issued)
		require.NoError(t, err)
		s := exampletest.Open(t, exampletest.Configured(t, "public-gateway", language, map[string]any{
			"hostname":          hostname,
			"certificate":       certificate,
			"groqUrl":           "https://api.groq-public.example/openai/v1",
			"requestsPerMinute": allowance,
			"chart":             exampletest.BriefChart(),
			"installCrds":       false,
		}), secrets)
		outputs := up(t, s)
		require.NoError(t, harness.Plane.AddHost(hostname, netip.MustParseAddr(outputs["address"].(string))))
		url := outputs["url"].(string)
		assert.Equal(t, "https://"+hostname+"/default/chat/v1", url)

		client := exampletest.Client{Language: language, URL: url}
		assert.Equal(t, "401 missing_api_key", client.Refusal(t))
		client.Key = "search-Public-guessed1"
		assert.Equal(t, "401 invalid_api_key", client.Refusal(t))
		requireLimit(t, url, secrets["secret:pagesKey"])
		client.Key = secrets["secret:searchKey"]
		assert.Equal(t, map[string]int{"groq": 4}, client.Chats(t, 2))

		plain := ask(t, http.MethodGet, strings.Replace(url, "https", "http", 1)+"/models", nil)
		assert.Equal(t, http.StatusPermanentRedirect, plain.StatusCode)
		assert.Equal(t, url+"/models", plain.Header.Get("Location"))
		for site, allowed := range map[string]string{"https://app.example.com": "https://app.example.com", "https://other.example.com": ""} {
			preflight := ask(t, http.MethodOptions, url+"/chat/completions", http.Header{"Origin": {site}, "Access-Control-Request-Method": {"POST"}})
			assert.Equal(t, allowed, preflight.Header.Get("Access-Control-Allow-Origin"), site)
		}
		told := s.Log.String() + s.State(t)
		for name, secret := range secrets {
			// The first line of a private key is that of every other, and in JSON its lines are joined otherwise.
			lines := strings.Split(secret, "\n")
			assert.NotContains(t, told, lines[min(1, len(lines)-1)], name)
		}
	})
}

// requireLimit sends more requests than a caller may, to both replicas.
func requireLimit(t *testing.T, url, key string) {
	t.Helper()
	statuses := map[int]int{}
	for range 10 * allowance {
		statuses[ask(t, http.MethodGet, url+"/models", http.Header{"Authorization": {"Bearer " + key}}).StatusCode]++
	}
	// Each replica counts for itself, and meanwhile allows some more.
	assert.InDelta(t, 2*allowance, statuses[http.StatusOK], 2, statuses)
	assert.Equal(t, 10*allowance, statuses[http.StatusOK]+statuses[http.StatusTooManyRequests], statuses)
}

// ask sends a request without a body.
func ask(t *testing.T, method, url string, header http.Header) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	request.Header = header
	response, err := exampletest.HTTPClient().Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}
