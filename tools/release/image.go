package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is the user of the receiver's image.
const nobody = 65532

// program is one of the two, and the image that it runs in, which is what the Dockerfile makes.
type program struct {
	name, from, about string
	// versionVariable is what the linker writes the version into.
	versionVariable string
	// onWindows is set where it runs there: the receiver's files are not synced there.
	onWindows bool
	folders   []entry
	config    v1.Config
}

// programs are the command line, which is also the Action, and the receiver.
func programs() []program {
	return []program{
		{
			name: "fluxkeeper", from: "./cmd/action", versionVariable: "main.release", onWindows: true,
			about: "Proves that a Flux image update is only that",
			// No user, on purpose: the runner's files belong to its own, and any other but root could not write them.
			config: v1.Config{Entrypoint: []string{"/fluxkeeper", "action"}},
		},
		{
			name: "fluxkeeper-receiver", from: "./cmd/receiver", versionVariable: "main.release",
			about:   "Keeps GitHub's webhook deliveries in a ledger that cannot be edited unseen",
			folders: []entry{{name: "data/", mode: fs.ModeDir | 0o755, user: nobody}},
			config: v1.Config{
				User: fmt.Sprintf("%d:%d", nobody, nobody), WorkingDir: "/data", Volumes: map[string]struct{}{"/data": {}},
				ExposedPorts: map[string]struct{}{"8080/tcp": {}, "8081/tcp": {}},
				Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/fluxkeeper-receiver", "healthcheck"},
					Interval: 10 * time.Second, Timeout: 6 * time.Second, StartPeriod: 10 * time.Second},
				Entrypoint: []string{"/fluxkeeper-receiver"}, Cmd: []string{"serve"},
			},
		},
	}
}

// roots are the authorities that Mozilla trusts without a condition, as a file that TLS libraries read.
func roots() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // to memory
		}
	}
	return text.Bytes()
}

// image puts a program's image together, for each architecture of Linux that it was compiled for.
func (r *release) image(p program, compiled map[string]string) error {
	license, err := os.ReadFile(filepath.Join(r.source, "LICENSE"))
	if err != nil {
		return err
	}
	below, err := r.layer(append([]entry{
		{name: "LICENSE", mode: 0o644, data: license}, {name: "etc/", mode: fs.ModeDir | 0o755}, {name: "etc/ssl/", mode: fs.ModeDir | 0o755},
		{name: "etc/ssl/certs/", mode: fs.ModeDir | 0o755}, {name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: roots()},
	}, p.folders...))
	if err != nil {
		return err
	}
	labels := map[string]string{
		"org.opencontainers.image.title": p.name, "org.opencontainers.image.description": p.about,
		"org.opencontainers.image.source": home, "org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.version": r.version, "org.opencontainers.image.revision": r.commit,
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range slices.Sorted(maps.Keys(compiled)) {
		data, err := os.ReadFile(compiled[arch])
		if err != nil {
			return err
		}
		top, err := r.layer([]entry{{name: p.name, mode: 0o755, data: data}})
		if err != nil {
			return err
		}
		config := &v1.ConfigFile{OS: "linux", Architecture: arch, Created: v1.Time{Time: r.time}, Config: p.config}
		config.Config.Labels = labels
		config.RootFS.Type = "layers"
		base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		base, err = mutate.ConfigFile(base, config)
		if err != nil {
			return err
		}
		one, err := mutate.AppendLayers(base, below, top)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	index = mutate.Annotations(index, labels).(v1.ImageIndex)
	path, err := layout.Write(filepath.Join(r.out, p.name), empty.Index)
	if err != nil {
		return err
	}
	return path.AppendIndex(index)
}

func (r *release) layer(entries []entry) (v1.Layer, error) {
	var packed bytes.Buffer
	if err := r.tarred(&packed, entries); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

// made gives the index of an image that was made, and its digest.
func made(out, program string) (v1.ImageIndex, v1.Hash, error) {
	all, err := layout.ImageIndexFromPath(filepath.Join(out, program))
	if err != nil {
		return nil, v1.Hash{}, err
	}
	list, err := all.IndexManifest()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	if len(list.Manifests) != 1 {
		return nil, v1.Hash{}, fmt.Errorf("read the image %s: its layout has %d", program, len(list.Manifests))
	}
	digest := list.Manifests[0].Digest
	index, err := all.ImageIndex(digest)
	return index, digest, err
}

// references are the programs' images by their digests, as users pull them; they are written down beside them.
func (r *release) references() ([]string, error) {
	var all []string
	for _, p := range programs() {
		_, digest, err := made(r.out, p.name)
		if err != nil {
			return nil, err
		}
		all = append(all, fmt.Sprintf("%s/%s@%s", r.images, p.name, digest))
	}
	file := filepath.Join(r.out, fmt.Sprintf("fluxkeeper_%s_images.txt", r.number()))
	return all, os.WriteFile(file, []byte(strings.Join(all, "\n")+"\n"), 0o644)
}

// push uploads the images as they were made, and prints what they are called there. Whoever logged in by docker's or
// podman's own command is logged in.
func push(ctx context.Context, from, to string) error {
	for _, p := range programs() {
		index, digest, err := made(from, p.name)
		if err != nil {
			return err
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			return err
		}
		tag, err := name.ParseReference(fmt.Sprintf("%s/%s:%s", to, p.name, manifest.Annotations["org.opencontainers.image.version"]))
		if err != nil {
			return err
		}
		if err := remote.WriteIndex(tag, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
			return fmt.Errorf("push %s: %w", tag, err)
		}
		fmt.Printf("%s=%s\n", p.name, digest)
	}
	return nil
}
