// Package runner is the Actions runtime around one step of a workflow: inputs
// and the event come in, outputs, the summary, annotations and log lines go out.
//
// It trusts nothing of the event but ids, numbers, commits, ref names and the
// event's name, and refuses to let outside text become a workflow command. It
// knows neither verdicts nor GitHub's API.
package runner
