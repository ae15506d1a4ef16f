package report

import (
	"cmp"
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

// object is one of JSON: SARIF is written and never read here, so that its keys need no
// types of ours.
type object map[string]any

// SARIF writes the findings for code scanning services, in the part of SARIF 2.1.0 that
// they read (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
func SARIF(w io.Writer, r Report) error {
	rules, index := []object{}, map[string]int{}
	for i, rule := range finding.Catalogue() {
		index[rule.Name] = i
		rules = append(rules, sarifRule(rule))
	}
	results, seen := []object{}, map[string]int{}
	for _, f := range r.Findings {
		at, known := index[f.Rule]
		if !known {
			at = -1
		}
		message := sarifText(f.Message)
		if f.Hint != "" {
			message += "\nHint: " + sarifText(f.Hint)
		}
		results = append(results, object{
			"ruleId": f.Rule, "ruleIndex": at, "level": sarifLevel(f.Severity), "message": object{"text": message},
			"locations":           []object{sarifLocation(f, r.Somewhere)},
			"partialFingerprints": object{"fluxkeeper/v1": fingerprint(f, seen)},
		})
	}
	driver := object{"name": "Fluxkeeper", "informationUri": "https://github.com/goldfish-inc/fluxkeeper", "rules": rules}
	if r.Version != "" {
		driver["version"] = r.Version
	}
	invocation := object{"executionSuccessful": r.Verdict() != finding.Undecided}
	if len(r.Gaps) > 0 {
		var notifications []object
		for _, gap := range r.Gaps {
			notifications = append(notifications, object{"level": "error", "message": object{"text": sarifText(gap)}})
		}
		invocation["toolExecutionNotifications"] = notifications
	}
	properties := map[string]string{"verdict": string(r.Verdict())}
	maps.Copy(properties, r.Properties)
	return text.JSON(w, object{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool": object{"driver": driver}, "invocations": []object{invocation}, "columnKind": "unicodeCodePoints",
			"results": results, "properties": properties,
		}},
	})
}

// sarifText breaks up [text](target), which viewers read as a link.
func sarifText(s string) string { return strings.ReplaceAll(text.Plain(s), "](", "] (") }

func sarifRule(rule finding.Rule) object {
	why, fix := strings.TrimSpace(rule.Why), strings.TrimSpace(rule.Fix)
	return object{
		"id": rule.Name, "shortDescription": object{"text": rule.Title}, "fullDescription": object{"text": why},
		"help":    object{"text": why + "\n\n" + fix, "markdown": why + "\n\n**How to fix:** " + fix},
		"helpUri": RuleURL(rule.Name), "defaultConfiguration": object{"enabled": true, "level": sarifLevel(rule.Severity)},
	}
}

func sarifLevel(s finding.Severity) string {
	switch s {
	case finding.Error, finding.Warning, finding.Note:
		return string(s)
	}
	return "none"
}

func sarifLocation(f finding.Finding, somewhere string) object {
	// As a URL path, so that any byte of a path survives.
	file := url.URL{Path: cmp.Or(f.File, somewhere)}
	physical := object{"artifactLocation": object{"uri": file.String(), "uriBaseId": "%SRCROOT%"}}
	if f.Line > 0 {
		region := object{"startLine": f.Line}
		if f.Column > 0 {
			region["startColumn"] = f.Column
		}
		physical["region"] = region
	}
	location := object{"physicalLocation": physical}
	if f.Path != "" {
		location["logicalLocations"] = []object{{"fullyQualifiedName": f.Path}}
	}
	return location
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
