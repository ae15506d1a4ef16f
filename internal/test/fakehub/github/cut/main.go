package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	openapi := flag.String("openapi", "", "api.github.com.json of @octokit/openapi")
	schema := flag.String("schema", "", "schema.graphql of @octokit/graphql-schema")
	to := flag.String("to", "internal/test/fakehub/github", "`folder` to write to")
	flag.Parse()
	if err := errors.Join(
		cut(*openapi, filepath.Join(*to, "openapi.json.gz"), cutOpenAPI),
		cut(*schema, filepath.Join(*to, "schema.graphql.gz"), cutSchema),
	); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

func cut(from, to string, how func([]byte) ([]byte, error)) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if data, err = how(data); err != nil {
		return fmt.Errorf("cut %s: %w", from, err)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, packed.Bytes(), 0o644)
}

// wanted are the operations to keep: methods by path. The paths of a
// repository go on from its own.
func wanted() map[string]string {
	all := map[string]string{
		"/rate_limit": "get", "/meta": "get", "/user": "get", "/users/{username}": "get",
		"/app": "get", "/app/hook/config": "get", "/credentials/revoke": "post",
		"/user/repos": "get", "/installation/repositories": "get", "/orgs/{org}/members/{username}": "get",
		"/orgs/{org}/actions/permissions/workflow": "get",
	}
	for _, at := range []string{"/app/hook", "/orgs/{org}/hooks/{hook_id}", "/repos/{owner}/{repo}/hooks/{hook_id}"} {
		all[at+"/deliveries"], all[at+"/deliveries/{delivery_id}"], all[at+"/deliveries/{delivery_id}/attempts"] = "get", "get", "post"
	}
	for _, at := range []string{"/orgs/{org}/hooks", "/repos/{owner}/{repo}/hooks"} {
		all[at], all[at+"/{hook_id}"] = "get", "get"
	}
	for path, methods := range map[string]string{
		"": "get", "/activity": "get", "/actions/artifacts": "get", "/actions/permissions": "get", "/actions/permissions/workflow": "get",
		"/actions/secrets": "get", "/actions/organization-secrets": "get", "/environments/{environment_name}": "get",
		"/environments/{environment_name}/deployment-branch-policies": "get",
		"/branches": "get", "/branches/{branch}": "get", "/branches/{branch}/protection": "get",
		"/rules/branches/{branch}": "get", "/rulesets/{ruleset_id}": "get",
		"/check-runs": "post", "/check-runs/{check_run_id}": "get patch", "/check-runs/{check_run_id}/annotations": "get",
		"/commits": "get", "/commits/{ref}": "get", "/commits/{commit_sha}/pulls": "get", "/commits/{ref}/check-runs": "get",
		"/commits/{ref}/status": "get", "/commits/{ref}/statuses": "get", "/compare/{basehead}": "get", "/contents/{path}": "get put",
		"/git/blobs/{file_sha}": "get", "/git/commits/{commit_sha}": "get", "/git/matching-refs/{ref}": "get", "/git/ref/{ref}": "get",
		"/git/refs/{ref}": "delete", "/git/trees/{tree_sha}": "get",
		"/issues": "get post", "/issues/{issue_number}": "get patch",
		"/issues/comments/{comment_id}": "get patch delete", "/issues/{issue_number}/comments": "get post",
		"/issues/{issue_number}/labels": "get post put", "/issues/{issue_number}/labels/{name}": "delete",
		"/labels": "get post", "/labels/{name}": "get",
		"/pulls": "get post", "/pulls/{pull_number}": "get patch", "/pulls/{pull_number}/commits": "get", "/pulls/{pull_number}/files": "get",
		"/pulls/{pull_number}/merge": "get put", "/pulls/{pull_number}/reviews": "get post",
		"/pulls/{pull_number}/reviews/{review_id}/dismissals": "put", "/statuses/{sha}": "post", "/tarball/{ref}": "get",
	} {
		all["/repos/{owner}/{repo}"+path] = methods
	}
	return all
}

type object = map[string]any

// cutOpenAPI keeps the wanted operations and what they refer to.
func cutOpenAPI(data []byte) ([]byte, error) {
	var doc object
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	paths, _ := doc["paths"].(object)
	kept := object{}
	for path, methods := range wanted() {
		item, ok := paths[path].(object)
		if !ok {
			return nil, fmt.Errorf("no path %s", path)
		}
		one := object{}
		for method := range strings.FieldsSeq(methods) {
			if item[method] == nil {
				return nil, fmt.Errorf("no %s %s", method, path)
			}
			one[method] = clean(item[method])
		}
		kept[path] = one
	}
	components, _ := doc["components"].(object)
	parts := object{}
	if err := follow(kept, components, parts); err != nil {
		return nil, err
	}
	return json.Marshal(object{"openapi": doc["openapi"], "info": doc["info"], "servers": doc["servers"], "paths": kept, "components": parts})
}

// clean leaves descriptions out, apart from the empty ones that OpenAPI
// demands of answers.
func clean(value any) any {
	switch v := value.(type) {
	case object:
		out := object{}
		for name, below := range v {
			_, text := below.(string)
			switch {
			case name == "x-github" || name == "externalDocs":
			case name == "description" && text:
				out[name] = ""
			default:
				out[name] = clean(below)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			out[i] = clean(below)
		}
		return out
	}
	return value
}

// follow collects the components that a value refers to, and theirs.
func follow(value any, components, into object) error {
	switch v := value.(type) {
	case []any:
		for _, below := range v {
			if err := follow(below, components, into); err != nil {
				return err
			}
		}
	case object:
		for name, below := range v {
			to, ok := below.(string)
			if name != "$ref" || !ok {
				if err := follow(below, components, into); err != nil {
					return err
				}
				continue
			}
			kind, key, _ := strings.Cut(strings.TrimPrefix(to, "#/components/"), "/")
			from, _ := components[kind].(object)
			if from[key] == nil {
				return fmt.Errorf("nothing at %s", to)
			}
			if into[kind] == nil {
				into[kind] = object{}
			}
			known, _ := into[kind].(object)
			if known[key] == nil {
				known[key] = clean(from[key])
				if err := follow(known[key], components, into); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// cutSchema leaves descriptions out, and fields that a type defines again.
func cutSchema(data []byte) ([]byte, error) {
	text := regexp.MustCompile(`(?ms)^ *"""(.*?)"""\n`).ReplaceAllString(string(data), "")
	text = regexp.MustCompile(`\n{2,}`).ReplaceAllString(text, "\n")
	field := regexp.MustCompile(`^  (\w+)[(:]`)
	var out strings.Builder
	seen, skip := map[string]bool{}, false
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "}") {
			clear(seen)
		}
		if m := field.FindStringSubmatch(line); m != nil {
			skip = seen[m[1]]
			seen[m[1]] = true
		} else if !strings.HasPrefix(line, " ") {
			skip = false
		}
		if !skip {
			out.WriteString(line)
		}
	}
	return []byte(out.String()), nil
}
