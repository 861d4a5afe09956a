package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
)

func newDoctor(c *cli) *cobra.Command {
	var out output
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check the cluster: connection, version, permissions, apply, storage, Pod Security, logs, clock",
		Long: `Check whether tasks can run on the cluster, and say what to do about each finding. Nothing is created: the sample task is applied in a dry run.
The exit code is 1 if something is wrong; what may be wanted as it is, is a note.`,
		Example: `  kubectl orchestra doctor
  kubectl orchestra doctor --templates builtin:restricted -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			return c.printFindings(&out, c.examine(command.Context(), cfg))
		},
	}
	out.add(command, asJSON, asYAML)
	return command
}

// finding is the result of one check.
type finding struct {
	Check  string `json:"check"`
	Grade  grade  `json:"grade"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

// grade says how good a finding is.
type grade string

const (
	gradeOK    grade = "ok"
	gradeNote  grade = "note"  // works, perhaps otherwise than expected; or cannot be told
	gradeWrong grade = "wrong" // tasks will fail
)

// patient is the cluster under examination.
type patient struct {
	cfg       driver.Config
	rest      *rest.Config
	http      *http.Client
	client    kubernetes.Interface
	driver    *driver.Driver
	namespace string
	clock     *clock
}

// check examines one thing.
type check struct {
	name    string
	examine func(ctx context.Context, p *patient) finding
}

// checks come in the order in which the later ones make sense.
var checks = []check{
	{"version", checkVersion},
	{"clock", checkClock},
	{"permissions", checkPermissions},
	{"storage class", checkStorageClass},
	{"Pod Security", checkPodSecurity},
	{"apply", checkApply},
	{"log streams", checkLogStreams},
}

// checkTimeout bounds each check, so that a slow cluster ends in findings and not in silence.
const checkTimeout = 15 * time.Second

func (c *cli) examine(ctx context.Context, cfg driver.Config) []finding {
	p, findings := c.admit(ctx, cfg)
	if p.driver == nil {
		return findings
	}
	defer utilnet.CloseIdleConnectionsFor(p.http.Transport)
	defer p.driver.Disconnect()
	for _, check := range checks {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		found := check.examine(ctx, p)
		cancel()
		found.Check = check.name
		findings = append(findings, found)
	}
	return findings
}

// admit connects. Without templates or a connection nothing else can be checked.
func (c *cli) admit(ctx context.Context, cfg driver.Config) (*patient, []finding) {
	p := &patient{cfg: cfg, clock: &clock{}}
	set, err := driver.LoadTemplates(cfg)
	if err != nil {
		return p, []finding{{"templates", gradeWrong, err.Error(), templatesHint}}
	}
	p.namespace = set.KubeNamespace()
	findings := []finding{{Check: "templates", Grade: gradeOK, Found: strings.Join(append([]string{"default"}, cfg.TemplateDirs...), ", ")}}
	config, where, err := driver.Connect(cfg)
	if err != nil {
		return p, append(findings, finding{"connection", gradeWrong, err.Error(), "Name a cluster: --kubeconfig, --context or $KUBECONFIG."})
	}
	p.rest = config
	config.Wrap(p.clock.watch)
	cfg.RESTConfig, cfg.Context = config, ""
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err = p.connect(); err == nil {
		p.driver, err = driver.New(ctx, cfg, c.logger())
	}
	if err != nil {
		return p, append(findings, finding{"connection", gradeWrong, err.Error(), connectionAdvice(err)})
	}
	found := fmt.Sprintf("%s (%s), first answer after %s, Kubernetes namespace %q", config.Host, where, time.Since(began).Round(time.Millisecond), p.namespace)
	return p, append(findings, finding{Check: "connection", Grade: gradeOK, Found: found})
}

// connect makes the client of those checks that need more than a driver.
func (p *patient) connect() (err error) {
	if p.http, err = rest.HTTPClientFor(p.rest); err == nil {
		p.client, err = kubernetes.NewForConfigAndClient(p.rest, p.http)
	}
	return err
}

func (c *cli) printFindings(out *output, findings []finding) error {
	handled, err := out.encode(c, findings)
	if !handled {
		err = c.print(c.describeFindings(findings))
	}
	if err != nil {
		return err
	}
	for _, found := range findings {
		if found.Grade == gradeWrong {
			return silentExit{exitFailure}
		}
	}
	return nil
}

func (c *cli) describeFindings(findings []finding) string {
	var text strings.Builder
	for _, found := range findings {
		mark := fmt.Sprintf("%-5s", found.Grade)
		switch found.Grade {
		case gradeOK:
			mark = c.colour.Good(mark)
		case gradeNote:
			mark = c.colour.Doubt(mark)
		case gradeWrong:
			mark = c.colour.Bad(mark)
		}
		fmt.Fprintf(&text, "%s  %-13s  %s\n", mark, found.Check, terminal.Line(found.Found))
		if found.Advice != "" {
			fmt.Fprintf(&text, "%22s%s\n", "", terminal.Line(found.Advice))
		}
	}
	return text.String()
}
