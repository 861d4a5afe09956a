package cluster

import (
	"fmt"
	"os"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/address"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/kube"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/pki"
)

// adminGroup is bound to cluster-admin, like the one that kubeadm uses. Its
// members can do everything and yet, unlike system:masters, are subject to the
// API server's priority and fairness, as the users of a real cluster are.
const adminGroup = "devcluster:admins"

// clients are the users with a certificate of the cluster's authority.
var clients = map[string]struct{ user, group string }{
	"admin":              {"devcluster:admin", adminGroup},
	"devcluster":         {"devcluster:bootstrap", "system:masters"},
	"apiserver-kubelet":  {"devcluster:apiserver", "system:masters"},
	"controller-manager": {"system:kube-controller-manager", ""},
	"scheduler":          {"system:kube-scheduler", ""},
	"kwok":               {"devcluster:kwok", "system:masters"},
}

// issue makes all keys, certificates and kubeconfigs of the components.
func (c *Cluster) issue() error {
	cluster, err := pki.NewAuthority("devcluster "+c.Name, time.Now)
	if err != nil {
		return err
	}
	// etcd admits whoever has a certificate of its authority, so it has its own.
	etcd, err := pki.NewAuthority("devcluster "+c.Name+" etcd", time.Now)
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.crt": cluster.PEM, "etcd-ca.crt": etcd.PEM}
	if files["service-account.key"], files["service-account.pub"], err = pki.SigningKey(); err != nil {
		return err
	}
	if err := c.servers(cluster, etcd, files); err != nil {
		return err
	}
	if err := c.users(cluster, files); err != nil {
		return err
	}
	for name, content := range files {
		if err := writeFile(c.PKI(name), content); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) servers(cluster, etcd *pki.Authority, files map[string][]byte) error {
	node := c.plan().Node().String()
	local := []string{"127.0.0.1", "::1", "localhost"}
	for name, server := range map[string]struct {
		authority *pki.Authority
		hosts     []string
	}{
		"etcd": {etcd, local},
		"apiserver": {cluster, append([]string{address.FirstService, "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}, local...)},
		"components": {cluster, local},
		"kubelet":    {cluster, append([]string{node, c.NodeName()}, local...)},
	} {
		pair, err := server.authority.Server(name, server.hosts...)
		if err != nil {
			return err
		}
		files[name+".crt"], files[name+".key"] = pair.Cert, pair.Key
	}
	return nil
}

func (c *Cluster) users(cluster *pki.Authority, files map[string][]byte) error {
	issue := func(file, user, group string) error {
		pair, err := cluster.Client(user, group)
		if err != nil {
			return err
		}
		files["client-"+file+".crt"], files["client-"+file+".key"] = pair.Cert, pair.Key
		config := kube.Config{Name: c.Context(), Server: c.server(), CA: cluster.PEM, User: pair}
		files[file+".kubeconfig"], err = config.YAML()
		return err
	}
	for file, client := range clients {
		if err := issue(file, client.user, client.group); err != nil {
			return err
		}
	}
	// The name that the Node authorizer and NodeRestriction expect of a kubelet.
	return issue("kubelet", "system:node:"+c.NodeName(), "system:nodes")
}

func (c *Cluster) server() string { return "https://" + c.plan().Local(address.APIServer) }

// client returns devcluster's own client of a server that has a certificate of
// the cluster's authority.
func (c *Cluster) client(server string) (*kube.Client, error) {
	return c.clientWith(server, "ca.crt", "client-devcluster")
}

func (c *Cluster) clientWith(server, authority, pair string) (*kube.Client, error) {
	content := map[string][]byte{}
	for _, name := range []string{authority, pair + ".crt", pair + ".key"} {
		var err error
		if content[name], err = os.ReadFile(c.PKI(name)); err != nil {
			return nil, fmt.Errorf("reading the cluster's certificates: %w", err)
		}
	}
	return kube.NewClient(server, content[authority], pki.Pair{Cert: content[pair+".crt"], Key: content[pair+".key"]})
}
