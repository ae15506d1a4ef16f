package gate_test

import "testing"

// TestJudgeMerges has a base that went on since the branch was made.
func TestJudgeMerges(t *testing.T) {
	for _, c := range []judged{
		{name: "base took an earlier step by a squash merge",
			in: mark("base/app.yaml", "ghcr.io/acme/app:1.4.2") + mark("tip/app.yaml", "ghcr.io/acme/app:1.4.3") +
				mark("head/app.yaml", "ghcr.io/acme/app:1.4.4"),
			want: []string{"fail", "error scope/stale"}, steps: []string{"app.yaml:1 ghcr.io/acme/app 1.4.3 1.4.4 patch"}},
		{name: "base is ahead of a stale branch",
			in: mark("base/app.yaml", "ghcr.io/acme/app:1.4.2") + mark("tip/app.yaml", "ghcr.io/acme/app:1.5.0") +
				mark("head/app.yaml", "ghcr.io/acme/app:1.4.3"),
			want:  []string{"fail", "error scope/stale", "error version/downgrade"},
			steps: []string{"app.yaml:1 ghcr.io/acme/app 1.5.0 1.4.3 downgrade"}},
		{name: "squash merge of a reformatted file",
			in: "-- base/app.yaml --\na:\n    b: 1\n\nimage: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- tip/app.yaml --\na:\n  c: 1\nimage: ghcr.io/acme/app:1.4.3 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- head/app.yaml --\na:\n  c: 1\nimage: ghcr.io/acme/app:1.4.4 # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"fail", "error scope/stale"}, steps: []string{"app.yaml:3 ghcr.io/acme/app 1.4.3 1.4.4 patch"}},
		{name: "base moved the place",
			in: "-- base/app.yaml --\na: [x:1.0.0] # none\nimage: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- tip/app.yaml --\na: [x:1.0.0] # none\nspec:\n  image: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- head/app.yaml --\na: [x:1.0.0] # none\nimage: ghcr.io/acme/app:1.4.3 # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"fail", "error scope/stale"}},
		{name: "base moved the place and its version",
			in: "-- base/app.yaml --\na: 1\nimage: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- tip/app.yaml --\na: 1\nspec:\n  image: ghcr.io/acme/app:1.9.0 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- head/app.yaml --\na: 1\nimage: ghcr.io/acme/app:1.4.3 # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"fail", "error scope/stale"}},
		{name: "base removed the file", in: "-- facts.yaml --\ntip-removed: [app.yaml]\n" + good, want: []string{"fail", "error scope/stale"}},
		{name: "base changed another file", in: good + "-- base/b.yaml --\na: 1\n-- tip/b.yaml --\na: 2\n", want: []string{"pass"},
			steps: []string{"app.yaml:1 ghcr.io/acme/app 1.4.2 1.4.3 patch"}},
		{name: "base has the change already, and one more is the head's",
			in: good + mark("tip/app.yaml", "ghcr.io/acme/app:1.4.3") + mark("base/b/b.yaml", "ghcr.io/acme/b:1.0.0") +
				mark("head/b/b.yaml", "ghcr.io/acme/b:1.0.1"),
			want: []string{"pass", "warning policy/straggler"}, steps: []string{"b/b.yaml:1 ghcr.io/acme/b 1.0.0 1.0.1 patch"}},
		{name: "base took back a step that the head has",
			in: mark("base/app.yaml", "ghcr.io/acme/app:1.4.3") + mark("head/app.yaml", "ghcr.io/acme/app:1.4.4") +
				mark("tip/app.yaml", "ghcr.io/acme/app:1.4.3"),
			want: []string{"pass"}, steps: []string{"app.yaml:1 ghcr.io/acme/app 1.4.3 1.4.4 patch"}},
		{name: "base changed the mode", in: "-- facts.yaml --\ntip-modes: {app.yaml: \"100755\"}\n" + good,
			want:  []string{"fail", "error scope/stale"},
			steps: []string{"app.yaml:1 ghcr.io/acme/app 1.4.2 1.4.3 patch"}},
		{name: "base renamed the file", in: "-- facts.yaml --\ntip-removed: [app.yaml]\n" + good + mark("tip/new.yaml", "ghcr.io/acme/app:1.4.2"),
			want: []string{"fail", "error scope/stale"}},
		{name: "base renamed the folder of a new file",
			in: "-- facts.yaml --\ntip-removed: [a/x.yaml]\n-- base/a/x.yaml --\nx: 1\n-- tip/b/x.yaml --\nx: 1\n" +
				mark("head/a/app.yaml", "ghcr.io/acme/app:1.4.2"),
			want: []string{"fail", "error scope/stale"}},
		{name: "base put a folder where a new file comes",
			in:   "-- tip/a.yaml/b --\nx: 1\n" + mark("head/a.yaml", "ghcr.io/acme/app:1.4.2"),
			want: []string{"fail", "error scope/stale"}},
		{name: "base put a file where a new folder comes",
			in:   "-- tip/a --\nx: 1\n" + mark("head/a/app.yaml", "ghcr.io/acme/app:1.4.2"),
			want: []string{"fail", "error scope/stale"}},
		{name: "head removed what the base changed", in: "-- facts.yaml --\nremoved: [app.yaml]\n" + mark("base/app.yaml", "a:1.4.2") +
			mark("tip/app.yaml", "a:1.4.3"),
			want: []string{"fail", "error scope/stale"}},
		{name: "both removed the file", in: "-- facts.yaml --\nhead-ref: feature\nremoved: [app.yaml]\ntip-removed: [app.yaml]\n" +
			mark("base/app.yaml", "a:1.4.2"),
			want: []string{"not-applicable"}},
		{name: "a person edits beside a version that the base moved",
			in: "-- facts.yaml --\nhead-ref: feature\n-- base/app.yaml --\na: 1\nb: 1\nimage: a:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- tip/app.yaml --\na: 1\nb: 1\nimage: a:1.4.3 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- head/app.yaml --\na: 2\nb: 1\nimage: a:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"not-applicable"}},
		{name: "merged crosswise", in: "-- facts.yaml --\ncrosswise: true\n" + good, want: []string{"fail", "error scope/stale"},
			steps: []string{"app.yaml:1 ghcr.io/acme/app 1.4.2 1.4.3 patch"}},
		{name: "a person's branch, merged crosswise",
			in:   "-- facts.yaml --\nhead-ref: feature\ncrosswise: true\n-- base/a.yaml --\na: 1\n-- head/a.yaml --\na: 2\n",
			want: []string{"undecided"}},
		{name: "no version changes in a file that is laid out anew",
			in: "-- base/app.yaml --\nspec:\n    image: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n" +
				"-- head/app.yaml --\nspec:\n  image: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"fail", "error scope/residue"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}
