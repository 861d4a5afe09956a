// Package orchestratest checks that a driver keeps the contract of package orchestra.
package orchestratest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// patience is how long one rule may take. A rule that is kept takes seconds, with a slow backend tens of them.
const patience = 6 * time.Minute

// rule is one promise of the contract.
type rule struct {
	name  string // of the sub-test
	why   string // what is promised and to whom it matters; printed when the rule is broken
	check func(*subject)
}

// rules every driver has to keep.
var rules = slices.Concat(exitRules, statusRules, logRules, followRules, literalRules, directoryRules, volumeRules,
	againRules, stdinRules, findRules, cleanupRules, closeRules, invalidRules)

// Run checks every rule of the contract in a sub-test of its own; the sub-tests run in parallel. newDriver returns a driver for
// an Orchestra namespace; it is called several times for one rule, also with one namespace twice, and has to fail the test
// itself if there is no backend. Run closes all drivers. Namespaces are random: runs never meet, not even at the same time.
//
// A backend needs the image "busybox", or what takes its place: sh, cat, env, od, printf, sed, seq, sha256sum, sleep, tr, wc.
// Rules of an optional interface are checked if the driver implements it; the test's log says which it does not.
func Run(t *testing.T, newDriver func(t *testing.T, namespace string) orchestra.Driver) {
	t.Helper()
	verify := func(rules []rule) {
		for _, rule := range rules {
			t.Run(rule.name, func(t *testing.T) {
				t.Parallel()
				rule.verify(t, patience, func(namespace string) orchestra.Driver { return newDriver(t, namespace) })
			})
		}
	}
	verify(rules)

	driver := newDriver(t, newNamespace())
	optional, lacks := optionalRules(driver)
	verify(optional)
	for _, what := range lacks {
		t.Log(what)
	}
	if err := driver.Close(); err != nil {
		t.Errorf("closing a driver that ran nothing: %v", err)
	}
}

// optionalRules are those of the optional interfaces that a driver implements. lacks says of each of the others that it is not there.
func optionalRules(driver orchestra.Driver) (rules []rule, lacks []string) {
	_, copies := driver.(orchestra.VolumeDataAccessor)
	_, sandboxes := driver.(orchestra.SandboxDriver)
	for _, optional := range []struct {
		name   string
		has    bool
		itsOwn []rule
	}{{"orchestra.VolumeDataAccessor", copies, copyRules}, {"orchestra.SandboxDriver", sandboxes, sandboxRules}} {
		if optional.has {
			rules = append(rules, optional.itsOwn...)
		} else {
			lacks = append(lacks, fmt.Sprintf("driver %q is no %s: %d rules do not apply", driver.Name(), optional.name, len(optional.itsOwn)))
		}
	}
	return rules, lacks
}

// verify checks one rule and explains it if it is broken.
func (r rule) verify(t testing.TB, patience time.Duration, open func(namespace string) orchestra.Driver) {
	t.Helper()
	defer func() { // also when the check was given up
		if t.Failed() {
			t.Logf("The rule %q: %s", r.name, r.why)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r.check(newSubject(ctx, t, open))
}
