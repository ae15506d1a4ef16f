package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// The part of SARIF 2.1.0 that a code scanning service reads
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
		Properties  map[string]string `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string        `json:"id"`
		ShortDescription sarifText     `json:"shortDescription"`
		FullDescription  sarifText     `json:"fullDescription"`
		Help             sarifText     `json:"help"`
		HelpURI          string        `json:"helpUri"`
		Configuration    sarifSettings `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifSettings struct {
		Enabled bool   `json:"enabled"`
		Level   string `json:"level"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"` // -1 where the catalogue does not know the rule
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI    string `json:"uri"`
		BaseID string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

// SARIF writes the findings for code scanning services, as SARIF 2.1.0.
func SARIF(w io.Writer, r Report) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "Fluxkeeper", Version: r.Version, InformationURI: "https://github.com/goldfish-inc/fluxkeeper"}},
		Invocations: []sarifInvocation{{r.Verdict() != finding.Undecided, r.notifications()}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
		Properties:  map[string]string{"verdict": string(r.Verdict())},
	}
	maps.Copy(run.Properties, r.Properties)
	index := map[string]int{}
	for i, rule := range finding.Catalogue() {
		index[rule.Name] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(rule))
	}
	seen := map[string]int{}
	for _, f := range r.Findings {
		result := sarifResultOf(f, r.Somewhere)
		result.RuleIndex = -1
		if i, known := index[f.Rule]; known {
			result.RuleIndex = i
		}
		result.Fingerprints = map[string]string{"fluxkeeper/v1": fingerprint(f, seen)}
		run.Results = append(run.Results, result)
	}
	return text.JSON(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// notifications say what kept the run from an answer.
func (r Report) notifications() []sarifNotification {
	var out []sarifNotification
	for _, gap := range r.Gaps {
		out = append(out, sarifNotification{"error", sarifMessage(text.Plain(gap))})
	}
	return out
}

// sarifMessage breaks up [text](target), which viewers read as a link.
func sarifMessage(text string) sarifText {
	return sarifText{Text: strings.ReplaceAll(text, "](", "] (")}
}

func sarifRuleOf(rule finding.Rule) sarifRule {
	why, fix := strings.TrimSpace(rule.Why), strings.TrimSpace(rule.Fix)
	return sarifRule{
		ID:               rule.Name,
		ShortDescription: sarifText{Text: rule.Title},
		FullDescription:  sarifText{Text: why},
		Help: sarifText{
			Text:     why + "\n\n" + fix,
			Markdown: why + "\n\n**How to fix:** " + fix,
		},
		HelpURI:       RuleURL(rule.Name),
		Configuration: sarifSettings{Enabled: true, Level: sarifLevel(rule.Severity)},
	}
}

func sarifLevel(s finding.Severity) string {
	switch s {
	case finding.Error, finding.Warning, finding.Note:
		return string(s)
	}
	return "none"
}

func sarifResultOf(f finding.Finding, somewhere string) sarifResult {
	message := text.Plain(f.Message)
	if f.Hint != "" {
		message += "\nHint: " + text.Plain(f.Hint)
	}
	file, location := f.File, sarifLocation{}
	if file == "" {
		file = somewhere
	}
	// As a URL path, so that any byte of a path survives.
	location.Physical.Artifact = sarifArtifact{(&url.URL{Path: file}).String(), "%SRCROOT%"}
	if f.Line > 0 {
		location.Physical.Region = &sarifRegion{f.Line, f.Column}
	}
	if f.Path != "" {
		location.Logical = []sarifLogical{{f.Path}}
	}
	return sarifResult{
		RuleID: f.Rule, Level: sarifLevel(f.Severity), Locations: []sarifLocation{location},
		Message: sarifMessage(message),
	}
}

// fingerprint names a finding across runs. It leaves lines out where a YAML
// path is known, since lines move; equal findings are numbered.
func fingerprint(f finding.Finding, seen map[string]int) string {
	parts := []string{f.Rule, f.File, f.Path, f.Message}
	if f.Path == "" {
		parts = append(parts, place(finding.Place{Line: f.Line, Column: f.Column}))
	}
	key := strings.Join(parts, "\x00")
	seen[key]++
	hash := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key]))
	return hex.EncodeToString(hash[:16])
}
