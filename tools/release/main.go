package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1)
	}
}

// run is the program without the process around it.
func run(ctx context.Context, args []string) error {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	switch command {
	case "make":
		r := release{}
		platforms := flags.String("platforms", strings.Join(allPlatforms, ","), "what to compile for; two of linux make the images")
		flags.StringVar(&r.version, "version", "", "the version, as v1.2.3")
		flags.StringVar(&r.source, "source", ".", "the `folder` of the clone")
		flags.StringVar(&r.out, "o", "dist", "the `folder` to write to, which must not be there")
		flags.StringVar(&r.images, "images", owner, "where users pull the images")
		flags.StringVar(&r.goTool, "go", "", "compile with this `program` and not with the pinned one: for tests alone")
		if err := flags.Parse(args); err != nil {
			return err
		}
		r.platforms = strings.Split(*platforms, ",")
		return r.make(ctx)
	case "push":
		from := flags.String("from", "dist", "the `folder` that make wrote")
		to := flags.String("to", owner, "where to push the images")
		if err := flags.Parse(args); err != nil {
			return err
		}
		return push(ctx, *from, *to)
	}
	return errors.New("say what to do: make or push")
}

const (
	owner = "ghcr.io/goldfish-inc"
	home  = "https://github.com/goldfish-inc/fluxkeeper"
)

var (
	allPlatforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}
	versionForm  = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)
)

// release is one that is being made.
type release struct {
	version, source, out, images, goTool string
	platforms                            []string

	commit string
	time   time.Time // of the commit, which everything carries
}

// number is the version as names of files have it.
func (r *release) number() string { return strings.TrimPrefix(r.version, "v") }

func (r *release) make(ctx context.Context) error {
	if !versionForm.MatchString(r.version) {
		return fmt.Errorf("read version: %q is not like v1.2.3", r.version)
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if r.goTool == "" {
		var err error
		if r.goTool, err = toolchain(ctx); err != nil {
			return err
		}
	}
	if err := os.Mkdir(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "fluxkeeper-release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, p := range programs() {
		if err := r.program(ctx, p, work); err != nil {
			return err
		}
	}
	if err := r.tree(ctx); err != nil {
		return err
	}
	return r.checksums()
}

// program makes the archives, the SBOMs and the image of a program.
func (r *release) program(ctx context.Context, p program, work string) error {
	compiled := map[string]string{}
	for _, platform := range r.platforms {
		system, arch, _ := strings.Cut(platform, "/")
		if system == "windows" && !p.onWindows {
			continue
		}
		fmt.Println("compile", p.name, platform)
		file := fmt.Sprintf("%s/%s_%s_%s", work, p.name, system, arch)
		if err := r.compile(ctx, p, system, arch, file); err != nil {
			return err
		}
		name := fmt.Sprintf("%s_%s_%s_%s", p.name, r.number(), system, arch)
		if err := errors.Join(r.archive(p, system, name, file), r.sbom(p, name, file)); err != nil {
			return err
		}
		if system == "linux" {
			compiled[arch] = file
		}
	}
	return r.image(p, compiled)
}

// look finds out what is released, and refuses what no commit holds.
func (r *release) look(ctx context.Context) error {
	changed, err := r.git(ctx, "status", "--porcelain")
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return fmt.Errorf("look at the clone: it differs from its commit: %.200s", changed)
	}
	head, err := r.git(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	commit, seconds, _ := strings.Cut(strings.TrimSpace(string(head)), " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	r.commit, r.time = commit, time.Unix(at, 0).UTC()
	return err
}

func (r *release) git(ctx context.Context, args ...string) ([]byte, error) {
	return output(exec.CommandContext(ctx, "git", append([]string{"-C", r.source}, args...)...))
}

// output runs a program and gives what it prints; the error has what it says on standard error.
func output(c *exec.Cmd) ([]byte, error) {
	out, err := c.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("run %s: %w: %s", strings.Join(c.Args, " "), err, exit.Stderr)
	}
	return out, err
}
