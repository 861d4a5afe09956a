package driver

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// TestTroubleshootingIsFresh makes docs/troubleshooting.md from the enumeration of the reasons in outcome.go, the advice, and what
// the cluster was recorded to say.
func TestTroubleshootingIsFresh(t *testing.T) {
	examples := recordedMessages(t)
	var text strings.Builder
	var seen []string
	for _, r := range reasonsInSource(t) {
		if r.group != "" {
			fmt.Fprintf(&text, "## %s\n\n", strings.TrimSuffix(r.group, "."))
		}
		fmt.Fprintf(&text, "### %s\n\n%s\n\n", r.name, sentence(r.meaning))
		if isQuick(r.name) {
			text.WriteString("Waiting seldom heals it: a task that has not got on after `deadlines.problem` has failed.\n\n")
		}
		if advice[r.name] != "" {
			fmt.Fprintf(&text, "**What to change:** %s\n\n", advice[r.name])
		}
		said := examples[r.name]
		slices.Sort(said)
		if len(said) > 0 {
			fmt.Fprintf(&text, "The message, for example:\n\n")
			for _, message := range said {
				fmt.Fprintf(&text, "> %s\n\n", message)
			}
		}
		seen = append(seen, r.name)
	}
	for _, known := range []map[string]bool{keys(advice), keys(examples)} {
		for reason := range known {
			assert.Contains(t, seen, reason, "every reason is in the enumeration")
		}
	}
	for reason := range keys(advice) {
		if reason != ReasonStdinOpen {
			assert.NotEmpty(t, examples[reason], "%s has a recorded example", reason)
		}
	}
	checkGenerated(t, "../docs/troubleshooting.md", "reasons", text.String())
}

// documentedReason is a constant of outcome.go.
type documentedReason struct {
	name    string
	meaning string // its comment
	group   string // the comment above it
}

func reasonsInSource(t *testing.T) []documentedReason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "outcome.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var reasons []documentedReason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		reasons = append(reasons, documentedReason{name, strings.TrimSpace(spec.Comment.Text()), strings.TrimSpace(spec.Doc.Text())})
		return true
	})
	require.NotEmpty(t, reasons)
	return reasons
}

// recordedMessages are what was recorded of the cluster, without the advice, by reason.
func recordedMessages(t *testing.T) map[string][]string {
	t.Helper()
	messages := map[string][]string{}
	add := func(reason, message string) {
		message = strings.TrimSpace(strings.TrimSuffix(message, advice[reason]))
		if message != "" && !slices.Contains(messages[reason], message) {
			messages[reason] = append(messages[reason], message)
		}
	}
	pods, err := filepath.Glob(filepath.Join(recordedPods, "*.yaml"))
	require.NoError(t, err)
	for _, file := range pods {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		s := readRecord(t, string(text)).status
		add(s.reason, s.message)
	}
	refusals, err := filepath.Glob(filepath.Join(recordedRefusals, "*.yaml"))
	require.NoError(t, err)
	for _, file := range refusals {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var answer metav1.Status
		require.NoError(t, yaml.UnmarshalStrict(text, &answer))
		var refused *refusedError
		require.ErrorAs(t, explainRefusal(&apierrors.StatusError{ErrStatus: answer}), &refused)
		add(refused.reason, refused.err.Error())
	}
	return messages
}

// sentence makes a comment's fragment a sentence.
func sentence(fragment string) string {
	return strings.ToUpper(fragment[:1]) + strings.TrimSuffix(fragment[1:], ".") + "."
}

func keys[V any](m map[string]V) map[string]bool {
	set := map[string]bool{}
	for key := range maps.Keys(m) {
		set[key] = true
	}
	return set
}
