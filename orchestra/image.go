package orchestra

import (
	"errors"
	"regexp"
	"strings"
)

// The grammar is distribution's (github.com/distribution/reference, regexp.go), read as the kubelet reads it
// (ParseNormalizedNamed): a first component that looks like a host is the domain, and docker.io otherwise.
var (
	imageDomain = regexp.MustCompile(`^(?:` + hostLabel + `(?:\.` + hostLabel + `)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`)
	imagePath   = regexp.MustCompile(`^` + pathElement + `(?:/` + pathElement + `)*$`)
	imageTag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

	digestLengths = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128} // in hexadecimal digits
)

const (
	hostLabel   = `[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`
	pathElement = `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`

	imageIDLength     = 64 // hexadecimal digits
	maxImagePath      = 255
	officialImagePath = "library/" // what "busybox" gets before it; it counts for the length
)

// checkImage reports what is wrong with an image reference, naming the part.
func checkImage(image string) error {
	name, digest, hasDigest := strings.Cut(image, "@")
	if hasDigest && !validDigest(digest) {
		return errors.New("the digest is not sha256:, sha384: or sha512: and the right number of lowercase hexadecimal digits")
	}
	if len(image) == imageIDLength && isLowerHex(image) {
		return errors.New("is an image ID, not a reference")
	}
	domain, remote := splitImageDomain(name)
	if domain != "" && !imageDomain.MatchString(domain) {
		return errors.New("the registry is not a host name with an optional port")
	}
	repository, tag, hasTag := strings.Cut(remote, ":")
	if hasTag && !imageTag.MatchString(tag) {
		return errors.New("the tag is not 1 to 128 letters, digits, dots, dashes and underscores")
	}
	return checkImagePath(domain, repository)
}

func checkImagePath(domain, repository string) error {
	length := len(repository)
	if dockerHub(domain) && !strings.Contains(repository, "/") {
		length += len(officialImagePath)
	}
	switch {
	case strings.ToLower(repository) != repository:
		return errors.New("the repository is not lowercase")
	case !imagePath.MatchString(repository):
		return errors.New("the repository is not lowercase letters and digits, separated by dots, dashes, underscores and slashes")
	case length > maxImagePath:
		return errors.New("the repository is longer than 255 bytes")
	}
	return nil
}

func dockerHub(domain string) bool {
	return domain == "" || domain == "docker.io" || domain == "index.docker.io"
}

// splitImageDomain returns "" if the image names no registry, or one that the grammar takes for a part of the path (a
// host name with an underscore).
func splitImageDomain(name string) (domain, remote string) {
	first, rest, found := strings.Cut(name, "/")
	looksLikeHost := first == "localhost" || strings.ContainsAny(first, ".:") || strings.ToLower(first) != first
	if !found || !looksLikeHost || !imageDomain.MatchString(first) && imagePath.MatchString(first) {
		return "", name
	}
	return first, rest
}

func validDigest(digest string) bool {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return len(hex) == digestLengths[algorithm] && isLowerHex(hex)
}

func isLowerHex(text string) bool { return text != "" && strings.Trim(text, "0123456789abcdef") == "" }
