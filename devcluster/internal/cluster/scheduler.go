package cluster

import (
	"strconv"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

func (c *Cluster) scheduler() component {
	return component{
		name:    "kube-scheduler",
		program: c.program(build.Scheduler),
		args: []string{
			"--bind-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(c.plan().Port(address.Scheduler)),
			"--tls-cert-file=" + c.PKI("components.crt"), "--tls-private-key-file=" + c.PKI("components.key"),
			"--kubeconfig=" + c.PKI("scheduler.kubeconfig"),
			"--authentication-kubeconfig=" + c.PKI("scheduler.kubeconfig"),
			"--authorization-kubeconfig=" + c.PKI("scheduler.kubeconfig"),
			"--authentication-tolerate-lookup-failure",
			"--leader-elect=false",
			"--kube-api-qps=500", "--kube-api-burst=1000",
			"--profiling=false",
		},
		healthy: c.https(address.Scheduler, "/healthz"),
	}
}
