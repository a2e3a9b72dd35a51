package clusters

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// manyRequestsAtOnce shows what docs/components/inference-cluster.md says: a replica of Envoy has 1,024 requests for a model under way, lets as many
// wait for these, and refuses more.
func manyRequestsAtOnce(t *testing.T, r *running) {
	url := r.Outputs(t)["urls"].(map[string]any)["east"].(string)
	wait := func(duration string) {
		list, err := r.clusters["east"].Resource(pods).Namespace("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=small"})
		require.NoError(t, err)
		for _, pod := range list.Items {
			ip, _, _ := unstructured.NestedString(pod.Object, "status", "podIP")
			answer, err := http.Post(fmt.Sprintf("http://%s:8001/delay?duration=%s", ip, duration), "", nil)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
		}
	}
	const many = 2400
	wait("8s")
	defer wait("0s")
	var all sync.WaitGroup
	var counting sync.Mutex
	statuses, slow := map[string]int{}, 0
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range many {
		if i == 1000 {
			// A request whose connection is still being made counts among those that wait.
			time.Sleep(3 * time.Second)
		}
		all.Go(func() {
			began := time.Now()
			answer, err := client.Post(url+"/chat/completions", "application/json", strings.NewReader(`{"model":"small","messages":[{"role":"user","content":"Hello"}]}`))
			status := fmt.Sprint(err)
			if err == nil {
				text, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				status = answer.Status
				if answer.StatusCode != http.StatusOK {
					status += " " + string(text)
				}
			}
			counting.Lock()
			defer counting.Unlock()
			statuses[status]++
			if time.Since(began) > 10*time.Second {
				slow++
			}
		})
	}
	all.Wait()
	t.Logf("of %d requests at once: %v; %d waited for others", many, statuses, slow)
	refused := 0
	for status, count := range statuses {
		if strings.HasPrefix(status, "503 ") {
			assert.Contains(t, status, "overflow")
			refused += count
		}
	}
	assert.Positive(t, refused)
	assert.Equal(t, many, statuses["200 OK"]+refused, "%v", statuses)
	// On a slow machine some come when others have gone.
	assert.GreaterOrEqual(t, statuses["200 OK"], 1950)
}
