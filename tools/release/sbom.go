package main

import (
	"debug/buildinfo"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom writes down which modules a compiled program holds, by what the program says itself.
func (r *release) sbom(p program, name, file string) (err error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	module := func(path, version string) cdx.Component {
		id := "pkg:golang/" + strings.ToLower(path) + "@" + version
		return cdx.Component{BOMRef: id, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: id}
	}
	main := module(info.Main.Path, r.version)
	main.Type, main.Name = cdx.ComponentTypeApplication, p.name
	parts := []cdx.Component{module("std", strings.TrimPrefix(info.GoVersion, "go"))}
	needed := []string{parts[0].BOMRef}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		c := module(d.Path, d.Version)
		if d.Sum != "" {
			c.Properties = &[]cdx.Property{{Name: "go.sum", Value: d.Sum}}
		}
		parts, needed = append(parts, c), append(needed, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: r.time.Format(time.RFC3339), Component: &main}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &needed}}
	out, err := os.OpenFile(filepath.Join(r.out, name+".cdx.json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return cdx.NewBOMEncoder(out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}
