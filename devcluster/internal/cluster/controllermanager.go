package cluster

import (
	"strconv"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

func (c *Cluster) controllerManager() component {
	return component{
		name:    "kube-controller-manager",
		program: c.program(build.ControllerManager),
		args: []string{
			"--bind-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(c.plan().Port(address.ControllerManager)),
			"--tls-cert-file=" + c.PKI("components.crt"), "--tls-private-key-file=" + c.PKI("components.key"),
			"--kubeconfig=" + c.PKI("controller-manager.kubeconfig"),
			"--authentication-kubeconfig=" + c.PKI("controller-manager.kubeconfig"),
			"--authorization-kubeconfig=" + c.PKI("controller-manager.kubeconfig"),
			"--authentication-tolerate-lookup-failure",
			"--root-ca-file=" + c.PKI("ca.crt"),
			"--service-account-private-key-file=" + c.PKI("service-account.key"),
			"--use-service-account-credentials",
			"--enable-hostpath-provisioner",
			"--leader-elect=false",
			"--kube-api-qps=200", "--kube-api-burst=400",
			"--profiling=false",
		},
		healthy: c.https(address.ControllerManager, "/healthz"),
	}
}
