package driver

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podOfList is a pod of a list, as JSON.
func podOfList(name string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": %[1]q, "uid": %[1]q, "managedFields": [{"manager": "orchestra"}]},
		"spec": {"nodeName": "node-1", "containers": [{"name": "task"}]}, "status": {"phase": "Running", "podIP": "10.0.0.1"}}`, name)
}

func TestListsAreReadByPages(t *testing.T) {
	var asked []string
	d, _ := openDriver(t, newAPIServer(t), "pages", withFaults(func(req *http.Request) fault {
		query := req.URL.Query()
		if query.Get("limit") == "" {
			return nil
		}
		asked = append(asked, query.Get("limit")+" "+query.Get("continue"))
		switch len(asked) {
		case 2: // the server does not keep the old state any longer
			return answerWith(http.StatusGone, nil, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}`)
		case 4:
			return answerWith(http.StatusOK, nil, `{"kind": "PodList", "apiVersion": "v1", "items": [`+podOfList("b")+`]}`)
		}
		return answerWith(http.StatusOK, nil, fmt.Sprintf(`{"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "page%d"}, "items": [%s]}`, len(asked), podOfList("a")))
	}))
	found, err := d.list(t.Context(), podKind, "", func(*unstructured.Unstructured) bool { return true })
	require.NoError(t, err)
	assert.Equal(t, []string{"500 ", "500 page1", "500 ", "500 page3"}, asked)
	require.Len(t, found, 2)
	assert.Equal(t, "a", found[0].GetName())
	assert.Equal(t, "b", found[1].GetName())
}

func TestTrimmingKeepsWhatIsToldOfAnObject(t *testing.T) {
	var pod unstructured.Unstructured
	require.NoError(t, pod.UnmarshalJSON([]byte(podOfList("a"))))
	before := heldBy(&pod)

	refuse := filter(func(*unstructured.Unstructured) bool { return false })
	assert.False(t, refuse.trimming()(&pod))
	assert.NotEmpty(t, pod.GetManagedFields(), "what is not confirmed is left alone")

	take := filter(func(*unstructured.Unstructured) bool { return true })
	assert.True(t, take.trimming()(&pod))
	assert.Equal(t, before, heldBy(&pod))
	assert.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "a", "uid": "a"},
		"spec": map[string]any{"nodeName": "node-1"}, "status": map[string]any{"phase": "Running"},
	}, pod.Object)
}

// deletions runs removeAll on 250 pods, whose deletions are answered with the code, and returns how many there were.
func deletions(t *testing.T, code int) (int64, error) {
	pods := make([]string, 250)
	for i := range pods {
		pods[i] = podOfList(fmt.Sprint(i))
	}
	var asked atomic.Int64
	d, _ := openDriver(t, newAPIServer(t), "many", withFaults(func(req *http.Request) fault {
		switch {
		case req.Method == http.MethodDelete:
			asked.Add(1)
			return answerWith(code, nil, fmt.Sprintf(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": %d}`, code))
		case req.URL.Query().Get("limit") != "":
			return answerWith(http.StatusOK, nil, `{"kind": "PodList", "apiVersion": "v1", "items": [`+strings.Join(pods, ",")+`]}`)
		}
		return nil
	}))
	d.retry.budget = 0
	_, err := d.removeAll(t.Context(), podKind, "", func(*unstructured.Unstructured) bool { return true })
	return asked.Load(), err
}

func TestDeletionsGoOnUnlessTheServerIsAway(t *testing.T) {
	asked, err := deletions(t, http.StatusForbidden)
	assert.EqualValues(t, 250, asked)
	require.ErrorContains(t, err, "and 240 more")
	assert.Equal(t, maxListed, countLines(err.Error()))

	asked, err = deletions(t, http.StatusServiceUnavailable)
	assert.EqualValues(t, deletedAtATime, asked)
	require.ErrorContains(t, err, "and 90 more")
}
