package cluster

import (
	"context"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
)

func (c *Cluster) etcdURL() string { return "https://" + c.plan().Local(address.Etcd) }

func (c *Cluster) etcd() component {
	client, peer := c.etcdURL(), "https://"+c.plan().Local(address.EtcdPeer)
	return component{
		name:    "etcd",
		program: c.program(build.Etcd),
		args: []string{
			"--name=devcluster",
			"--data-dir=" + c.Path("etcd"),
			"--listen-client-urls=" + client,
			"--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer,
			"--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=devcluster=" + peer,
			"--client-cert-auth", "--trusted-ca-file=" + c.PKI("etcd-ca.crt"),
			"--cert-file=" + c.PKI("etcd.crt"), "--key-file=" + c.PKI("etcd.key"),
			"--peer-client-cert-auth", "--peer-trusted-ca-file=" + c.PKI("etcd-ca.crt"),
			"--peer-cert-file=" + c.PKI("etcd.crt"), "--peer-key-file=" + c.PKI("etcd.key"),
			"--unsafe-no-fsync", // what a power cut may lose is thrown away anyway
			"--log-level=warn",
		},
		healthy: func(ctx context.Context) error {
			client, err := c.clientWith(client, "etcd-ca.crt", "etcd")
			if err != nil {
				return err
			}
			return client.Healthy(ctx, "/health")
		},
	}
}
