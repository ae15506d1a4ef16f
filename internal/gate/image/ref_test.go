package image_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

func TestParseRef(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for _, test := range []struct {
		in        string
		want      image.Ref
		canonical string
	}{
		{"nginx", image.Ref{Name: "nginx", Repository: "nginx"}, "docker.io/library/nginx"},
		{"nginx:1.25", image.Ref{Name: "nginx", Repository: "nginx", Tag: "1.25"}, "docker.io/library/nginx"},
		{"library/nginx", image.Ref{Name: "library/nginx", Repository: "library/nginx"}, "docker.io/library/nginx"},
		{"docker.io/nginx:1", image.Ref{Name: "docker.io/nginx", Host: "docker.io", Repository: "nginx", Tag: "1"}, "docker.io/library/nginx"},
		{"index.docker.io/library/nginx", image.Ref{Name: "index.docker.io/library/nginx", Host: "index.docker.io", Repository: "library/nginx"},
			"docker.io/library/nginx"},
		{"acme/app:v1@" + digestA, image.Ref{Name: "acme/app", Repository: "acme/app", Tag: "v1", Digest: digestA}, "docker.io/acme/app"},
		{"ghcr.io/acme/app@" + digestA, image.Ref{Name: "ghcr.io/acme/app", Host: "ghcr.io", Repository: "acme/app", Digest: digestA},
			"ghcr.io/acme/app"},
		{"GHCR.io/acme/app", image.Ref{Name: "GHCR.io/acme/app", Host: "GHCR.io", Repository: "acme/app"}, "ghcr.io/acme/app"},
		{"ghcr.io:443/acme/app", image.Ref{Name: "ghcr.io:443/acme/app", Host: "ghcr.io:443", Repository: "acme/app"}, "ghcr.io/acme/app"},
		{"localhost/app", image.Ref{Name: "localhost/app", Host: "localhost", Repository: "app"}, "localhost/app"},
		{"localhost:5000/app:1", image.Ref{Name: "localhost:5000/app", Host: "localhost:5000", Repository: "app", Tag: "1"},
			"localhost:5000/app"},
		{"registry:65535/app", image.Ref{Name: "registry:65535/app", Host: "registry:65535", Repository: "app"}, "registry:65535/app"},
		{"10.0.0.1:5000/a/b/c_d__e--f.g:x_Y.z-1", image.Ref{Name: "10.0.0.1:5000/a/b/c_d__e--f.g", Host: "10.0.0.1:5000",
			Repository: "a/b/c_d__e--f.g", Tag: "x_Y.z-1"}, "10.0.0.1:5000/a/b/c_d__e--f.g"},
		{"[::1]:5000/app:1", image.Ref{Name: "[::1]:5000/app", Host: "[::1]:5000", Repository: "app", Tag: "1"}, "[::1]:5000/app"},
		{"[2001:db8::1]/app", image.Ref{Name: "[2001:db8::1]/app", Host: "[2001:db8::1]", Repository: "app"}, "[2001:db8::1]/app"},
		{"host:5000", image.Ref{Name: "host", Repository: "host", Tag: "5000"}, "docker.io/library/host"},
		{"app:_x", image.Ref{Name: "app", Repository: "app", Tag: "_x"}, "docker.io/library/app"},
		{"app:" + strings.Repeat("x", 128), image.Ref{Name: "app", Repository: "app", Tag: strings.Repeat("x", 128)}, "docker.io/library/app"},
		{label63 + ".io/app", image.Ref{Name: label63 + ".io/app", Host: label63 + ".io", Repository: "app"}, label63 + ".io/app"},
		{strings.Repeat("a", 255), image.Ref{Name: strings.Repeat("a", 255), Repository: strings.Repeat("a", 255)},
			"docker.io/library/" + strings.Repeat("a", 255)},
		{"app@sha512:" + strings.Repeat("0f", 64), image.Ref{Name: "app", Repository: "app", Digest: "sha512:" + strings.Repeat("0f", 64)},
			"docker.io/library/app"},
	} {
		got, err := image.ParseRef(test.in)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
		if written(got) != test.in {
			t.Errorf("%s prints as %s", test.in, written(got))
		}
		if c := got.Canonical(); c != test.canonical {
			t.Errorf("%s stands for %s, not %s", test.in, c, test.canonical)
		}
	}
}

func TestParseRefRefuses(t *testing.T) {
	for _, test := range []struct{ in, cause string }{
		{"", "it is empty"},
		// Two readers.
		{"img:a:b", "it has two tags"},
		{"localhost:5000:b", "it has two tags"},
		{"ghcr.io/acme/app:1:2", "it has two tags"},
		{"ghcr.io:443/acme/app:1:2@" + digestA, "it has two tags"},
		{"https://ghcr.io/acme/app", "it has a scheme"},
		{"oci://ghcr.io/acme/app", "it has a scheme"},
		{"docker://nginx", "it has a scheme"},
		{"user@ghcr.io/acme/app", "it has user information"},
		{"ghcr.io@evil.example/acme/app:1", "it has user information"},
		{"user:pw@ghcr.io/acme/app:1", "it has user information"},
		{"ghcr.io./acme/app", "the host has an empty part"},
		{"ghcr..io/acme/app", "the host has an empty part"},
		{".ghcr.io/acme/app", "the host has an empty part"},
		{"Acme/app", "the repository has an upper-case letter"},
		{"ghcr.io/Acme/app", "the repository has an upper-case letter"},
		{"NGINX", "the repository has an upper-case letter"},
		{digestA, "it is a digest"},
		{digestA[7:], "the repository is an image identifier"},
		// Look-alikes and hidden characters.
		{"ghcr.iо/acme/app", "byte 7 is not a visible ASCII character"}, // Cyrillic
		{"ɡhcr.io/acme/app", "byte 1 is not a visible ASCII character"},
		{"xn--ghcr-.io/acme/app", "a part of the host starts or ends with a hyphen"},
		{"app:1.0\u200b", "byte 8 is not a visible ASCII character"},
		{"app:1.0\u202e", "byte 8 is not a visible ASCII character"},
		{"app :1.0", "byte 4 is not a visible ASCII character"},
		{" app:1.0", "byte 1 is not a visible ASCII character"},
		{"app:1.0\n", "byte 8 is not a visible ASCII character"},
		{"app\x00:1", "byte 4 is not a visible ASCII character"},
		{"app\xff:1", "byte 4 is not a visible ASCII character"},
		{"app:1\x7f", "byte 6 is not a visible ASCII character"},
		{"ghcr.io%2facme/app", `the host has a '%'`},
		{`ghcr.io\acme/app`, `the host has a '\\'`},
		// Hosts and ports.
		{"ghcr.io:/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:0/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:65536/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:0443/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:+443/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:99999999999999999999/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:a/acme/app", "the port is not a number from 1 to 65535"},
		{"ghcr.io:1:2/acme/app", "the port is not a number from 1 to 65535"},
		{":443/acme/app", "the host has an empty part"},
		{"my_host:5000/app", "the host has a '_'"},
		{"-ghcr.io/app", "a part of the host starts or ends with a hyphen"},
		{strings.Repeat("a", 64) + ".io/app", "a part of the host has more than 63 characters"},
		{strings.Repeat("a.", 128) + "io/app", "the host has more than 255 characters"},
		{"[::1/app", "the host has a '['"},
		{"[1.2.3.4]:5/app", "the host is not an IPv6 address"},
		{"[fe80::1%25eth0]/app", "the host is not an IPv6 address"},
		{"[::1]x:5/app", "the host has something other than a port after the address"},
		// Repositories.
		{"/app", "the repository has an empty part"},
		{"app/", "the repository has an empty part"},
		{"a//b", "the repository has an empty part"},
		{"ghcr.io/", "the repository is empty"},
		{":1.0", "the repository is empty"},
		{"@" + digestA, "the repository is empty"},
		{"app.", "a part of the repository starts or ends with a separator"},
		{"ghcr.io/acme/app.", "a part of the repository starts or ends with a separator"},
		{"ghcr.io/acme/../app", "a part of the repository starts or ends with a separator"},
		{"ghcr.io/-acme/app", "a part of the repository starts or ends with a separator"},
		{"a..b", `the repository has the separator ".."`},
		{"a___b", `the repository has the separator "___"`},
		{"a-_b", `the repository has the separator "-_"`},
		{"a+b", "the repository has a '+'"},
		{"$(app)", "the repository has a '$'"},
		{"{{app}}", "the repository has a '{'"},
		{strings.Repeat("a", 256), "the repository has more than 255 characters"},
		// Tags and digests.
		{"app:", "the tag is empty"},
		{"app:@" + digestA, "the tag is empty"},
		{"app:.1", "the tag starts with a dot or a hyphen"},
		{"app:-1", "the tag starts with a dot or a hyphen"},
		{"app:1+2", "byte 2 of the tag is none of A-Z a-z 0-9 _ . -"},
		{"app:" + strings.Repeat("x", 129), "the tag has more than 128 characters"},
		{"app:1@", "the digest is neither sha256 nor sha512"},
		{"app@sha256", "the sha256 digest is not 64 lower-case hexadecimal digits"},
		{"app@sha256:", "the sha256 digest is not 64 lower-case hexadecimal digits"},
		{"app@" + digestA[:70], "the sha256 digest is not 64 lower-case hexadecimal digits"},
		{"app@" + digestA + "aa", "the sha256 digest is not 64 lower-case hexadecimal digits"},
		{"app@" + strings.Replace(digestA, "aaa", "AAA", 1), "the sha256 digest is not 64 lower-case hexadecimal digits"},
		{"app@" + strings.Replace(digestA, "aaa", "xyz", 1), "the sha256 digest is not 64 lower-case hexadecimal digits"},
		{"app@SHA256" + digestA[6:], "the digest is neither sha256 nor sha512"},
		{"app@md5:" + strings.Repeat("a", 32), "the digest is neither sha256 nor sha512"},
		{"app@sha512:" + strings.Repeat("a", 64), "the sha512 digest is not 128 lower-case hexadecimal digits"},
		{"app@" + digestA + "@" + digestB, "the sha256 digest is not 64 lower-case hexadecimal digits"},
	} {
		got, err := image.ParseRef(test.in)
		if err == nil {
			t.Errorf("%q is taken as %+v", test.in, got)
			continue
		}
		if !strings.HasPrefix(err.Error(), "parse image ") || !strings.HasSuffix(err.Error(), ": "+test.cause) {
			t.Errorf("%q: got %v, want %s", test.in, err, test.cause)
		}
		for i := range len(err.Error()) {
			if c := err.Error()[i]; c < ' ' || c == 0x7f {
				t.Errorf("%q: the error has the control character %x", test.in, c)
			}
		}
	}
}

func TestParseName(t *testing.T) {
	if r, err := image.ParseName("ghcr.io:443/acme/app"); err != nil || r.Repository != "acme/app" {
		t.Error(r, err)
	}
	for in, cause := range map[string]string{
		"app:1":                  "a name has no tag",
		"app@" + digestA:         "a name has no digest",
		"oci://ghcr.io/acme/app": "it has a scheme",
		"":                       "it is empty",
		"app:":                   "the tag is empty",
	} {
		if _, err := image.ParseName(in); err == nil || !strings.HasSuffix(err.Error(), cause) {
			t.Errorf("%q: got %v, want %s", in, err, cause)
		}
	}
}

func TestParseTagAndDigest(t *testing.T) {
	for in, good := range map[string]bool{
		"1.2.3": true, "_": true, "a": true, "V1": true, "9-._": true, strings.Repeat("a", 128): true,
		"": false, ".1": false, "-1": false, "1/2": false, "1:2": false, "1+2": false, "1 2": false, "é": false,
		strings.Repeat("a", 129): false, "1\n": false, digestA: false,
	} {
		if err := image.ParseTag(in); (err == nil) != good {
			t.Errorf("tag %q: %v", in, err)
		}
	}
	for in, good := range map[string]bool{
		digestA: true, "sha512:" + strings.Repeat("0", 128): true,
		"": false, "sha256:": false, "@" + digestA: false, digestA + "\n": false, "sha384:" + strings.Repeat("0", 96): false, "1.2.3": false,
	} {
		if err := image.ParseDigest(in); (err == nil) != good {
			t.Errorf("digest %q: %v", in, err)
		}
	}
}

func TestErrorsAreShort(t *testing.T) {
	_, err := image.ParseRef(strings.Repeat("\u202e", 100000))
	if err == nil || len(err.Error()) > 1500 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

func TestLooksLikeRef(t *testing.T) {
	for in, want := range map[string]bool{
		"ghcr.io/acme/app:1.0": true, "nginx:1.25": true, "app@" + digestA: true, "acme/app": true, "1.2.3@" + digestA: true,
		"velero/velero-plugin-for-aws:v1.11.1": true, "img:a:b": true, "localhost:5000": true,
		"1.2.3": false, "latest": false, "": false, digestA: false, "sha256:zz": false, ":1.2": false, "main-4b65878": false,
	} {
		if got := image.LooksLikeRef(in); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

// written is the reference as it was written.
func written(r image.Ref) string {
	out := r.Name
	if r.Tag != "" {
		out += ":" + r.Tag
	}
	if r.Digest != "" {
		out += "@" + r.Digest
	}
	return out
}

func TestNoName(t *testing.T) {
	for _, r := range []image.Ref{{}, {Tag: "1.2.3"}, {Digest: digestA}} {
		if r.Canonical() != "" {
			t.Errorf("%+v has the name %s", r, r.Canonical())
		}
	}
}

// FuzzParseRef holds the parser against itself and against the library that
// Flux reads references with: what passes here must mean the same there.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{
		"nginx", "img:a:b", "ghcr.io:443/acme/app:1.2.3@" + digestA, "localhost:5000/a__b/c--d.e", "[::1]:5000/app:1",
		"GHCR.io/acme/app", "user@host/app", "docker.io/nginx", "a/b.c:d", "ghcr.io./app", "x:65536/app", "r:443/app",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := image.ParseRef(s)
		if err != nil {
			if r != (image.Ref{}) {
				t.Errorf("%q is an error and %+v", s, r)
			}
			return
		}
		if again, err := image.ParseRef(written(r)); err != nil || again != r || written(r) != s {
			t.Errorf("%q: %+v prints as %s, which is %+v, %v", s, r, written(r), again, err)
		}
		const most = 255 - len("library/") // the longest repository that may get Docker Hub's prefix
		if c, err := image.ParseName(r.Canonical()); len(r.Repository) <= most && (err != nil || c.Canonical() != r.Canonical()) {
			t.Errorf("%q: canonical %s is not stable: %s, %v", s, r.Canonical(), c.Canonical(), err)
		}
		if (r.Host != "" || strings.Contains(r.Name, "/") || r.Tag != "" || r.Digest != "") && !image.LooksLikeRef(s) &&
			r.Name != "sha256" && r.Name != "sha512" {
			t.Errorf("%q does not look like a reference", s)
		}
		if len(r.Repository) < 2 {
			return // allowed by the specification, not by the library
		}
		theirs, err := name.ParseReference(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			return
		}
		repository := theirs.Context().RepositoryStr()
		if repository != r.Repository && repository != "library/"+r.Repository {
			t.Errorf("%q: the repository is %s, not %s", s, repository, r.Repository)
		}
		host := theirs.Context().RegistryStr()
		if host != r.Host && host != "index.docker.io" {
			t.Errorf("%q: the host is %s, not %s", s, host, r.Host)
		}
		identifier := r.Digest
		if identifier == "" {
			identifier = r.Tag
		}
		if got := theirs.Identifier(); got != identifier && (identifier != "" || got != "latest") {
			t.Errorf("%q: the identifier is %s, not %s", s, got, identifier)
		}
	})
}
