package preflight

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

var good = Machine{OS: "linux", Root: true, Overlay: true, CanInstall: true}

func TestAGoodMachineLacksNothing(t *testing.T) {
	assert.NoError(t, good.Check())

	fresh := good
	fresh.Packages = []string{"containerd"}
	assert.NoError(t, fresh.Check(), "packages that can be installed are not missing")
}

func TestEverythingMissingIsSaidAtOnceWithWhatWorksInstead(t *testing.T) {
	bad := Machine{OS: "linux", Cgroups: errors.New("none mounted"), Packages: []string{"containerd", "runc"}}
	message := bad.Check().Error()
	for _, part := range []string{
		"root", "none mounted", "overlay", "containerd, runc", "no apt-get",
		"--no-node", "make test CLUSTER=", "ORCHESTRA_TEST_KUBECONFIG", "kind, minikube", "KUBECONFIG",
	} {
		assert.Contains(t, message, part)
	}
}

func TestAnotherSystemLacksLinuxOnly(t *testing.T) {
	assert.Equal(t, []string{"Linux: this is darwin"}, Machine{OS: "darwin"}.Missing())
}

func TestRootWithoutPowers(t *testing.T) {
	m := good
	m.Powers = []string{"CAP_SYS_ADMIN"}
	assert.ErrorContains(t, m.Check(), "CAP_SYS_ADMIN")
}

func TestParsePowers(t *testing.T) {
	assert.Empty(t, parsePowers("Name:\tx\nCapEff:\t000001ffffffffff\n"))
	assert.Empty(t, parsePowers("CapEff:\t000001fffeffffff\n"), "CAP_SYS_RESOURCE is not needed")
	assert.Equal(t, []string{"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}, parsePowers("CapEff:\t00000000a80425fb\n"), "Docker's default")
	assert.Empty(t, parsePowers("unreadable"))
}
