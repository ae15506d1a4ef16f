package publish

import (
	"context"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// annotationBatch is how many annotations GitHub takes in one request.
const annotationBatch = 50

// putCheck creates or changes a check run, its annotations in batches.
func (w *Writer) putCheck(ctx context.Context, a plan.PutCheck) error {
	op := "write check run " + text.Quote(a.Name)
	link := gh.String(a.Link)
	if a.Link == "" {
		link = nil
	}
	batch := a.Annotations[:min(annotationBatch, len(a.Annotations))]
	if a.ID == 0 {
		run, _, err := w.API.Checks.CreateCheckRun(ctx, w.Owner, w.Name, gh.CreateCheckRunOptions{
			Name: a.Name, HeadSHA: a.SHA, ExternalID: gh.String(a.External), DetailsURL: link,
			Status: gh.String("completed"), Conclusion: gh.String(a.Conclusion), Output: checkOutput(a, batch),
		})
		if err != nil {
			return github.Classify(ctx, op, err)
		}
		if a.ID = run.GetID(); a.ID == 0 || run.GetHeadSHA() != a.SHA {
			return github.Odd(op, "the answer is another check run")
		}
		if a.Annotations = a.Annotations[len(batch):]; len(a.Annotations) == 0 {
			return nil
		}
	}
	for {
		batch := a.Annotations[:min(annotationBatch, len(a.Annotations))]
		_, _, err := w.API.Checks.UpdateCheckRun(ctx, w.Owner, w.Name, a.ID, gh.UpdateCheckRunOptions{
			Name: a.Name, ExternalID: gh.String(a.External), DetailsURL: link,
			Status: gh.String("completed"), Conclusion: gh.String(a.Conclusion), Output: checkOutput(a, batch),
		})
		if err != nil {
			return github.Classify(ctx, op, err)
		}
		if a.Annotations = a.Annotations[len(batch):]; len(a.Annotations) == 0 {
			return nil
		}
	}
}

func checkOutput(a plan.PutCheck, batch []plan.Annotation) *gh.CheckRunOutput {
	out := &gh.CheckRunOutput{Title: gh.String(a.Title), Summary: gh.String(a.Summary)}
	for _, one := range batch {
		made := &gh.CheckRunAnnotation{
			Path: gh.String(one.Path), StartLine: gh.Int(one.Line), EndLine: gh.Int(one.Line),
			AnnotationLevel: gh.String(one.Level), Title: gh.String(one.Title), Message: gh.String(one.Message),
		}
		if one.Column > 0 {
			made.StartColumn, made.EndColumn = gh.Int(one.Column), gh.Int(one.Column)
		}
		out.Annotations = append(out.Annotations, made)
	}
	return out
}
