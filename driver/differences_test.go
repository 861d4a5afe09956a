package driver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) (value any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(text), &value))
	return value
}

func TestDifferences(t *testing.T) {
	const live = `
containers:
- {name: injected, image: mesh}
- name: task
  image: busybox
  command: [sh, -c, true]
  env: [{name: A, value: secret}, {name: EMPTY}]
  resources: {limits: {cpu: "1", memory: 1Gi}}
terminationGracePeriodSeconds: 30
dnsPolicy: ClusterFirst
`
	for name, c := range map[string]struct {
		wanted string
		want   []string
	}{
		"the same":          {`{terminationGracePeriodSeconds: 30.0, containers: [{name: task, image: busybox, command: [sh, -c, true]}]}`, nil},
		"quantities":        {`{containers: [{name: task, resources: {limits: {cpu: 1000m, memory: "1073741824"}}}]}`, nil},
		"zero is left out":  {`{hostNetwork: false, containers: [{name: task, env: [{name: EMPTY, value: ""}]}]}`, nil},
		"scalar":            {`{dnsPolicy: Default}`, []string{"spec.dnsPolicy"}},
		"in a named list":   {`{containers: [{name: task, image: alpine}]}`, []string{"spec.containers[task].image"}},
		"in a list":         {`{containers: [{name: task, command: [sh, -x, true]}]}`, []string{"spec.containers[task].command[1]"}},
		"a shorter command": {`{containers: [{name: task, command: [sh, -c]}]}`, []string{"spec.containers[task].command"}},
		"missing element":   {`{containers: [{name: more, image: x}]}`, []string{"spec.containers[more].image", "spec.containers[more].name"}},
		"not the value":     {`{containers: [{name: task, env: [{name: A, value: other}]}]}`, []string{"spec.containers[task].env[A].value"}},
		"two, in order":     {`{z: 1, dnsPolicy: None}`, []string{"spec.dnsPolicy", "spec.z"}},
		"another structure": {`{dnsPolicy: {a: b}}`, []string{"spec.dnsPolicy.a"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, differences(parse(t, c.wanted), parse(t, live), "spec"))
		})
	}
}
