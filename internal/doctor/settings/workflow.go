package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Workflow is a workflow file, as far as it matters who is started by what.
type Workflow struct {
	Path     string
	Triggers []Trigger
	Steps    []Step
	// Jobs are the names under which its jobs report.
	Jobs []string
	// Calls are the workflows that its jobs call, whose steps are not seen here.
	Calls []string
	// Secretive are the jobs that run the Action and take secrets.
	Secretive []SecretJob
}

// Trigger is an event that starts a workflow, and what must be so besides.
type Trigger struct {
	Event                    string
	Branches, BranchesIgnore []string
	Paths, PathsIgnore       []string
	Types                    []string
}

// Step is a step that uses an action.
type Step struct {
	Uses string
	With map[string]string
	// Granted are the permissions of its job's GITHUB_TOKEN by name; Declared
	// tells that the file says them, so that what it leaves out is none.
	Declared bool
	Granted  map[string]string
}

// workflowFile is the part of GitHub's syntax that is read
// (https://docs.github.com/actions/reference/workflow-syntax-for-github-actions).
type workflowFile struct {
	On          yaml.Node            `yaml:"on"`
	Permissions yaml.Node            `yaml:"permissions"`
	Env         any                  `yaml:"env"`
	Jobs        map[string]yaml.Node `yaml:"jobs"`
}

type jobFile struct {
	Name        string      `yaml:"name"`
	Uses        string      `yaml:"uses"`
	Permissions yaml.Node   `yaml:"permissions"`
	Environment environment `yaml:"environment"`
	Steps       []struct {
		Uses string            `yaml:"uses"`
		With map[string]string `yaml:"with"`
	} `yaml:"steps"`
}

// environment is a name, or a mapping that has one.
type environment string

// UnmarshalYAML reads either.
func (e *environment) UnmarshalYAML(n *yaml.Node) error {
	var of struct {
		Name string `yaml:"name"`
	}
	if n.Kind == yaml.ScalarNode {
		return n.Decode((*string)(e))
	}
	err := n.Decode(&of)
	*e = environment(of.Name)
	return err
}

// ParseWorkflow reads a workflow file.
func ParseWorkflow(path string, text []byte) (Workflow, error) {
	w := Workflow{Path: path}
	var file workflowFile
	err := yaml.Unmarshal(text, &file)
	if err == nil {
		w.Triggers, err = triggers(file.On)
	}
	if err != nil {
		return w, fmt.Errorf("read workflow: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(file.Jobs)) {
		job, whole := jobFile{}, any(nil)
		node := file.Jobs[name]
		if err := errors.Join(node.Decode(&job), node.Decode(&whole)); err != nil {
			return w, fmt.Errorf("read workflow: %w", err)
		}
		w.Jobs = append(w.Jobs, cmp.Or(job.Name, name))
		if job.Uses != "" {
			w.Calls = append(w.Calls, job.Uses)
		}
		granted, declared, err := permissions(job.Permissions, file.Permissions)
		if err != nil {
			return w, fmt.Errorf("read workflow: %w", err)
		}
		before := len(w.Steps)
		for _, step := range job.Steps {
			if step.Uses != "" {
				w.Steps = append(w.Steps, Step{step.Uses, step.With, declared, granted})
			}
		}
		secrets := secretsIn(fmt.Sprint(whole, file.Env))
		if len(secrets) > 0 && slices.ContainsFunc(w.Steps[before:], Step.runsAction) {
			w.Secretive = append(w.Secretive, SecretJob{cmp.Or(job.Name, name), string(job.Environment), secrets})
		}
	}
	return w, nil
}

// triggers reads a name, a list of names, or a mapping of names to filters.
func triggers(on yaml.Node) ([]Trigger, error) {
	if on.Kind == yaml.AliasNode {
		on = *on.Alias
	}
	switch on.Kind {
	case yaml.ScalarNode:
		return []Trigger{{Event: on.Value}}, nil
	case yaml.SequenceNode:
		var names []string
		if err := on.Decode(&names); err != nil {
			return nil, err
		}
		var all []Trigger
		for _, name := range names {
			all = append(all, Trigger{Event: name})
		}
		return all, nil
	case yaml.MappingNode:
	default:
		return nil, nil
	}
	var all []Trigger
	for i := 0; i+1 < len(on.Content); i += 2 {
		var filter struct {
			Branches       list `yaml:"branches"`
			BranchesIgnore list `yaml:"branches-ignore"`
			Paths          list `yaml:"paths"`
			PathsIgnore    list `yaml:"paths-ignore"`
			Types          list `yaml:"types"`
		}
		if on.Content[i+1].Kind == yaml.MappingNode { // a schedule is a list
			if err := on.Content[i+1].Decode(&filter); err != nil {
				return nil, err
			}
		}
		all = append(all, Trigger{on.Content[i].Value, filter.Branches, filter.BranchesIgnore, filter.Paths, filter.PathsIgnore, filter.Types})
	}
	return all, nil
}

// list is a list of texts, or a single one.
type list []string

// UnmarshalYAML reads either.
func (l *list) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = list{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

// permissions are the job's, or else the workflow's.
func permissions(job, workflow yaml.Node) (granted map[string]string, declared bool, err error) {
	at := job
	if at.IsZero() {
		at = workflow
	}
	switch {
	case at.IsZero():
		return nil, false, nil
	case at.Kind == yaml.ScalarNode: // read-all, write-all
		level, _, _ := strings.Cut(at.Value, "-")
		return map[string]string{"*": level}, true, nil
	}
	granted = map[string]string{}
	return granted, true, at.Decode(&granted)
}

// may tells whether the step's token has a permission; fallback is the default
// where the file says nothing.
func (s Step) may(name, level, fallback string) bool {
	held := s.Granted[name]
	if all := s.Granted["*"]; all != "" {
		held = all
	}
	if !s.Declared {
		held = fallback
		if fallback == "read" && name != "contents" { // GitHub's restricted default reads contents and packages
			held = ""
		}
	}
	return held == "write" || held != "" && held == level
}

// starts tells whether a pull request to a branch starts the workflow.
func (t Trigger) starts(branch string) bool {
	if len(t.Branches) > 0 {
		return picked(t.Branches, branch)
	}
	return len(t.BranchesIgnore) == 0 || !picked(t.BranchesIgnore, branch)
}

// picked tells whether the last pattern that matches is one that picks, as
// GitHub's filters say it.
func picked(patterns []string, branch string) bool {
	in := false
	for _, p := range patterns {
		positive, not := strings.CutPrefix(p, "!")
		if pattern.Match(positive, branch) {
			in = !not
		}
	}
	return in
}
