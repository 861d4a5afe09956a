package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// LaterRelease of Debian has busybox 1.37. It is a release and not a
	// version of the package, because an archive forgets those.
	LaterRelease = "trixie"

	// keyring is Debian's own. Those of Debian 12 and later verify the later release.
	keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

	// patience is for the list of the release's packages, which has 10 MB.
	patience = 2 * time.Minute
)

// private is a configuration of apt that takes packages from one source and
// keeps the machine's own lists, caches and hooks out of it.
const private = `
Dir::Etc::SourceList "%[1]s/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "%[1]s/lists";
Dir::Cache "%[1]s/cache";
#clear APT::Default-Release;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
`

// laterBusybox is where UnpackLaterBusybox leaves it.
func laterBusybox(folder string) string {
	return filepath.Join(folder, LaterRelease, "usr", "bin", "busybox")
}

// UnpackLaterBusybox unpacks the busybox of LaterRelease into folder. It comes
// from where the machine has its own packages, and is verified by Debian's keys.
// Nothing of the machine's apt is changed.
func UnpackLaterBusybox(ctx context.Context, folder string) (Busybox, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it took longer than %s", patience))
	defer cancel()
	archives, err := archives(ctx)
	if err != nil {
		return Busybox{}, fmt.Errorf("finding an archive of Debian's: %w", err)
	}
	var failures []error
	for _, archive := range archives {
		err := unpack(ctx, filepath.Join(folder, LaterRelease), func(download string) error {
			return fetchLater(ctx, archive, download)
		})
		if err == nil {
			return inspect(ctx, laterBusybox(folder))
		}
		failures = append(failures, fmt.Errorf("unpacking package %q of Debian's %s: %w", busyboxPackage, LaterRelease, err))
	}
	if ctx.Err() != nil {
		failures = append(failures, context.Cause(ctx))
	}
	return Busybox{}, errors.Join(failures...)
}

// fetchLater downloads the package with an apt that has nothing of the machine
// but its proxies, credentials and the like.
func fetchLater(ctx context.Context, archive, download string) error {
	config := filepath.Join(download, "apt.conf")
	source := fmt.Sprintf("deb [signed-by=%s target=Packages] %s %s main\n", keyring, archive, LaterRelease)
	for path, content := range map[string]string{
		config:                                  fmt.Sprintf(private, download),
		filepath.Join(download, "sources.list"): source,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	for _, folder := range []string{"lists", "cache"} {
		if err := os.Mkdir(filepath.Join(download, folder), 0o755); err != nil {
			return err
		}
	}
	if err := apt(ctx, download, "update", "--config-file", config); err != nil {
		return err
	}
	return apt(ctx, download, "download", busyboxPackage, "--config-file", config)
}

// archives returns the URIs of where the machine's release of Debian comes from
// as apt is configured. Packages of others may be among them.
func archives(ctx context.Context) ([]string, error) {
	content, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, err
	}
	id, codename := release(string(content))
	if id != "debian" {
		return nil, fmt.Errorf("this machine runs %q", id)
	}
	return archivesOf(ctx, codename)
}

func archivesOf(ctx context.Context, codename string) ([]string, error) {
	// Also those of which no list of packages was fetched yet.
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)",
		"Created-By: Packages", "Component: main", "Release: "+codename)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, complaint.Bytes())
	}
	uris := strings.Fields(string(out))
	if len(uris) == 0 {
		return nil, fmt.Errorf("no source of apt's has release %q", codename)
	}
	return slices.Compact(uris), nil // a source is listed once for each of its architectures
}

// release reads os-release(5): which distribution this is, and which of its
// releases.
func release(content string) (id, codename string) {
	for line := range strings.Lines(content) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch name {
		case "ID":
			id = value
		case "VERSION_CODENAME":
			codename = value
		}
	}
	return id, codename
}
