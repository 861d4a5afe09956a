package orchestratest

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchestra-ci/orchestra-k8s/internal/memdriver"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brokenPatience is how long a rule may wait for a driver that is broken so that the wait is in vain.
const brokenPatience = 3 * time.Second

func memory(namespace string) *memdriver.Driver {
	return memdriver.New(namespace, slog.New(slog.DiscardHandler))
}

func findRule(t *testing.T, name string) rule {
	t.Helper()
	all := slices.Concat(rules, copyRules, sandboxRules)
	i := slices.IndexFunc(all, func(r rule) bool { return r.name == name })
	require.GreaterOrEqual(t, i, 0, "there is no rule %q", name)
	return all[i]
}

func TestRunPassesAWorkingDriver(t *testing.T) {
	Run(t, func(_ *testing.T, namespace string) orchestra.Driver { return memory(namespace) })
}

func TestRunPassesADriverWithoutOptionalInterfaces(t *testing.T) {
	Run(t, func(_ *testing.T, namespace string) orchestra.Driver {
		return broken{Driver: memory(namespace), container: brokenContainer{}.with()}
	})
}

// A driver without an optional interface is told apart from one that has it, and Run says so.
func TestOptionalRules(t *testing.T) {
	lack := func(what string, rules []rule) string {
		return fmt.Sprintf("driver %q is no orchestra.%s: %d rules do not apply", memory("x").Name(), what, len(rules))
	}
	copies, sandboxes := lack("VolumeDataAccessor", copyRules), lack("SandboxDriver", sandboxRules)
	for name, test := range map[string]struct {
		driver orchestra.Driver
		rules  int
		lacks  []string
	}{
		"both": {memory("x"), len(copyRules) + len(sandboxRules), nil},
		"copies": {struct {
			orchestra.VolumeDataAccessor
			orchestra.Driver
		}{nil, memory("x")}, len(copyRules), []string{sandboxes}},
		"sandboxes": {struct {
			orchestra.SandboxDriver
			orchestra.Driver
		}{nil, memory("x")}, len(sandboxRules), []string{copies}},
		"neither": {struct{ orchestra.Driver }{memory("x")}, 0, []string{copies, sandboxes}},
	} {
		rules, lacks := optionalRules(test.driver)
		assert.Len(t, rules, test.rules, name)
		assert.Equal(t, test.lacks, lacks, name)
	}
}

// Every rule that a broken driver breaks fails, and says which promise that was.
func TestBrokenDriversFailTheRule(t *testing.T) {
	for _, breakage := range breakages {
		t.Run(breakage.name+", so "+breakage.rule, func(t *testing.T) {
			t.Parallel()
			rule := findRule(t, breakage.rule)
			var opened []*memdriver.Driver
			result := record(t, rule, brokenPatience, func(namespace string) orchestra.Driver {
				inner := memory(namespace)
				opened = append(opened, inner)
				driver := breakage.driver
				driver.Driver = inner
				return driver
			})
			for _, driver := range opened { // some broken drivers do not
				require.NoError(t, driver.Close())
			}
			assert.True(t, result.Failed(), "the rule did not notice")
			assert.Contains(t, result.text.String(), rule.why)
		})
	}
}

func TestAWorkingDriverIsNotRecordedAsFailed(t *testing.T) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			result := record(t, rule, patience, func(namespace string) orchestra.Driver { return memory(namespace) })
			assert.False(t, result.Failed(), result.text.String())
		})
	}
}

// A driver of optional interfaces that are broken in one way each.
func TestBrokenOptionalInterfacesFailTheRule(t *testing.T) {
	for _, breakage := range optionalBreakages {
		t.Run(breakage.name+", so "+breakage.rule, func(t *testing.T) {
			t.Parallel()
			rule := findRule(t, breakage.rule)
			result := record(t, rule, brokenPatience, func(namespace string) orchestra.Driver {
				return breakage.wrap(memory(namespace))
			})
			assert.True(t, result.Failed(), "the rule did not notice")
			assert.Contains(t, result.text.String(), rule.why)
		})
	}
}

// A rule that nothing breaks may as well not exist.
func TestEveryRuleIsBrokenByADriver(t *testing.T) {
	broken := map[string]bool{
		"one writer may be both": true, // only the race detector can see that one
	}
	for _, breakage := range breakages {
		broken[breakage.rule] = true
	}
	for _, breakage := range optionalBreakages {
		broken[breakage.rule] = true
	}
	for _, name := range slices.Concat(namespaceRules, memoryRules) {
		broken[name] = true
	}
	for _, rule := range slices.Concat(rules, copyRules, sandboxRules) {
		assert.True(t, broken[rule.name], "no driver breaks the rule %q", rule.name)
	}
}

var (
	namespaceRules = []string{"namespaces do not meet", "close leaves other namespaces alone"}
	memoryRules    = []string{"a container is found by its ID", "another driver runs the same task"}
)

// What only a change to several drivers at once can break.
func TestRulesAboutNamespaces(t *testing.T) {
	shared := func(string) orchestra.Driver { return memory("shared by all namespaces") }
	for _, name := range namespaceRules {
		result := record(t, findRule(t, name), brokenPatience, shared)
		assert.True(t, result.Failed(), name)
	}
	forgetful := func(namespace string) orchestra.Driver { return memory(namespace + time.Now().String()) }
	for _, name := range memoryRules {
		result := record(t, findRule(t, name), brokenPatience, forgetful)
		assert.True(t, result.Failed(), name)
	}
}

func TestRuleNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range slices.Concat(rules, copyRules, sandboxRules) {
		assert.False(t, seen[rule.name], rule.name)
		assert.NotEmpty(t, rule.why, rule.name)
		assert.NotNil(t, rule.check, rule.name)
		seen[rule.name] = true
	}
}
