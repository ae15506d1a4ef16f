package image

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Limits of the grammar. The repository's is the one that registries and
// clients agree on, the tag's is the OCI distribution specification's.
const (
	maxTag        = 128
	maxRepository = 255
	maxHost       = 255
	maxLabel      = 63
	maxPort       = 65535
)

// ParseRef takes a full reference apart:
//
//	[host[:port]/]repository[:tag][@digest]
//
// It follows the OCI distribution specification and is stricter than most
// clients: whatever two readers could read differently (a scheme, userinfo,
// two tags, an upper-case name that may be a host or a user, an empty part, a
// trailing dot, a padded port) is an error. The first part is a host when it
// has a dot or a port or is "localhost".
func ParseRef(s string) (Ref, error) {
	r, err := parseRef(s)
	if err != nil {
		return Ref{}, fmt.Errorf("parse image %s: %w", text.Quote(s), err)
	}
	return r, nil
}

// ParseName takes a name without tag and digest apart, by the grammar of
// ParseRef. A scheme such as oci:// is the caller's to strip.
func ParseName(s string) (Ref, error) {
	r, err := parseRef(s)
	switch {
	case err != nil:
	case r.Digest != "":
		err = errors.New("a name has no digest")
	case r.Tag != "":
		err = errors.New("a name has no tag")
	}
	if err != nil {
		return Ref{}, fmt.Errorf("parse image name %s: %w", text.Quote(s), err)
	}
	return r, nil
}

// ParseTag checks a bare tag: at most 128 of A-Z a-z 0-9 _ . -, and neither
// a dot nor a hyphen first.
func ParseTag(s string) error {
	if err := checkTag(s); err != nil {
		return fmt.Errorf("parse tag %s: %w", text.Quote(s), err)
	}
	return nil
}

// ParseDigest checks a digest: sha256 with 64 or sha512 with 128 lower-case
// hexadecimal digits.
func ParseDigest(s string) error {
	if err := checkDigest(s); err != nil {
		return fmt.Errorf("parse digest %s: %w", text.Quote(s), err)
	}
	return nil
}

// LooksLikeRef says whether a value can only be meant as a reference, so that
// a field for a bare tag that holds it has the wrong form. It does not say
// that the reference is a good one. A digest is none.
func LooksLikeRef(s string) bool {
	if strings.HasPrefix(s, "sha256:") || strings.HasPrefix(s, "sha512:") {
		return strings.ContainsAny(s, "/@")
	}
	return strings.ContainsAny(s, "/@") || strings.IndexByte(s, ':') > 0
}

// Canonical is the name that a client would contact, such as
// docker.io/library/nginx for nginx: lower-case host, without the port 443
// where the host stands without it, with Docker Hub spelled out. Two names with
// one canonical form reach the same image although they differ in bytes. Empty
// for an empty name.
func (r Ref) Canonical() string {
	if r.Repository == "" {
		return ""
	}
	host := strings.ToLower(r.Host)
	// Without its port r:443/app would be Docker Hub's r/app.
	if bare, ok := strings.CutSuffix(host, ":443"); ok && isHost(bare) {
		host = bare
	}
	switch host {
	case "", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(r.Repository, "/") {
		return host + "/library/" + r.Repository
	}
	return host + "/" + r.Repository
}

func parseRef(s string) (Ref, error) {
	if s == "" {
		return Ref{}, errors.New("it is empty")
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return Ref{}, fmt.Errorf("byte %d is not a visible ASCII character", i+1)
		}
	}
	if checkDigest(s) == nil {
		// Some clients read it as the identifier of a local image, some as the
		// repository sha256 with a tag.
		return Ref{}, errors.New("it is a digest")
	}
	if strings.Contains(s, "://") {
		return Ref{}, errors.New("it has a scheme")
	}
	var r Ref
	rest, digest, found := strings.Cut(s, "@")
	if found {
		if strings.Contains(digest, "/") {
			return Ref{}, errors.New("it has user information")
		}
		if err := checkDigest(digest); err != nil {
			return Ref{}, err
		}
		r.Digest = digest
	}
	// A colon before the last slash belongs to a port.
	r.Name = rest
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		r.Name, r.Tag = rest[:colon], rest[colon+1:]
		if strings.LastIndexByte(r.Name, ':') > strings.LastIndexByte(r.Name, '/') {
			return Ref{}, errors.New("it has two tags")
		}
		if err := checkTag(r.Tag); err != nil {
			return Ref{}, err
		}
	}
	r.Repository = r.Name
	if first, after, ok := strings.Cut(r.Name, "/"); ok && isHost(first) {
		if err := checkHost(first); err != nil {
			return Ref{}, err
		}
		r.Host, r.Repository = first, after
	}
	return r, checkRepository(r.Repository)
}

func isHost(part string) bool {
	return part == "localhost" || strings.ContainsAny(part, ".:")
}

func checkHost(s string) error {
	var port string
	var found bool
	if end := strings.IndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		port, found = strings.TrimPrefix(s[end+1:], ":"), end+1 < len(s)
		if found && s[end+1] != ':' {
			return errors.New("the host has something other than a port after the address")
		}
		if address, err := netip.ParseAddr(s[1:end]); err != nil || !address.Is6() || address.Zone() != "" {
			return errors.New("the host is not an IPv6 address")
		}
	} else {
		var host string
		host, port, found = strings.Cut(s, ":")
		if err := checkHostName(host); err != nil {
			return err
		}
	}
	if !found {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 32)
	if err != nil || n == 0 || n > maxPort || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("the port is not a number from 1 to %d", maxPort)
	}
	return nil
}

func checkHostName(host string) error {
	if len(host) > maxHost {
		return fmt.Errorf("the host has more than %d characters", maxHost)
	}
	for label := range strings.SplitSeq(host, ".") {
		switch {
		case label == "":
			return errors.New("the host has an empty part")
		case len(label) > maxLabel:
			return fmt.Errorf("a part of the host has more than %d characters", maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return errors.New("a part of the host starts or ends with a hyphen")
		}
		for i := range len(label) {
			if !isLower(label[i]) && !isUpper(label[i]) && !isDigit(label[i]) && label[i] != '-' {
				return fmt.Errorf("the host has a %q", label[i])
			}
		}
	}
	return nil
}

func checkRepository(s string) error {
	switch {
	case s == "":
		return errors.New("the repository is empty")
	case len(s) > maxRepository:
		return fmt.Errorf("the repository has more than %d characters", maxRepository)
	case len(s) == 64 && isHex(s):
		// Clients read 64 hexadecimal digits as the identifier of a local image.
		return errors.New("the repository is an image identifier")
	}
	for part := range strings.SplitSeq(s, "/") {
		if err := checkPart(part); err != nil {
			return err
		}
	}
	return nil
}

// checkPart checks one part of the repository: runs of a-z and 0-9, with a
// dot, one or two underscores, or any number of hyphens between them.
func checkPart(s string) error {
	if s == "" {
		return errors.New("the repository has an empty part")
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isLower(c) || isDigit(c):
			i++
			continue
		case isUpper(c):
			return errors.New("the repository has an upper-case letter")
		case c != '.' && c != '_' && c != '-':
			return fmt.Errorf("the repository has a %q", c)
		}
		end := i
		for end < len(s) && strings.IndexByte("._-", s[end]) >= 0 {
			end++
		}
		separator := s[i:end]
		if i == 0 || end == len(s) {
			return errors.New("a part of the repository starts or ends with a separator")
		}
		if separator != "." && separator != "_" && separator != "__" && strings.Trim(separator, "-") != "" {
			return fmt.Errorf("the repository has the separator %q", separator)
		}
		i = end
	}
	return nil
}

func checkTag(s string) error {
	switch {
	case s == "":
		return errors.New("the tag is empty")
	case len(s) > maxTag:
		return fmt.Errorf("the tag has more than %d characters", maxTag)
	case s[0] == '.' || s[0] == '-':
		return errors.New("the tag starts with a dot or a hyphen")
	}
	for i := range len(s) {
		if !isLower(s[i]) && !isUpper(s[i]) && !isDigit(s[i]) && strings.IndexByte("_.-", s[i]) < 0 {
			return fmt.Errorf("byte %d of the tag is none of A-Z a-z 0-9 _ . -", i+1)
		}
	}
	return nil
}

func checkDigest(s string) error {
	algorithm, digits, _ := strings.Cut(s, ":")
	want := 0
	switch algorithm {
	case "sha256":
		want = 64
	case "sha512":
		want = 128
	default:
		return errors.New("the digest is neither sha256 nor sha512")
	}
	if len(digits) != want || !isHex(digits) {
		return fmt.Errorf("the %s digest is not %d lower-case hexadecimal digits", algorithm, want)
	}
	return nil
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isHex wants lower case and an even number of digits.
func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s == strings.ToLower(s)
}
