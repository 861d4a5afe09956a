package cluster

import (
	"strconv"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

func (c *Cluster) apiserver() component {
	return component{
		name:    "kube-apiserver",
		program: c.program(build.APIServer),
		args: []string{
			"--bind-address=127.0.0.1",
			"--advertise-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(c.plan().Port(address.APIServer)),
			"--endpoint-reconciler-type=none", // a loopback address is no valid endpoint
			"--service-cluster-ip-range=" + address.Services,
			"--tls-cert-file=" + c.PKI("apiserver.crt"), "--tls-private-key-file=" + c.PKI("apiserver.key"),
			"--client-ca-file=" + c.PKI("ca.crt"),
			"--etcd-servers=" + c.etcdURL(),
			"--etcd-cafile=" + c.PKI("etcd-ca.crt"),
			"--etcd-certfile=" + c.PKI("etcd.crt"), "--etcd-keyfile=" + c.PKI("etcd.key"),
			"--kubelet-certificate-authority=" + c.PKI("ca.crt"),
			"--kubelet-client-certificate=" + c.PKI("client-apiserver-kubelet.crt"),
			"--kubelet-client-key=" + c.PKI("client-apiserver-kubelet.key"),
			"--kubelet-preferred-address-types=InternalIP", // the node's name does not resolve
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-signing-key-file=" + c.PKI("service-account.key"),
			"--service-account-key-file=" + c.PKI("service-account.pub"),
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--allow-privileged=true",
			"--profiling=false",
			"--feature-gates=" + gates(c.state.Options.FeatureGates),
		},
		healthy: c.https(address.APIServer, "/readyz"),
	}
}
