package cluster

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
)

// events reads the warnings of the window. Normal events say nothing that
// objects and logs do not, and there are many.
func (r *reader) events() {
	options := meta.ListOptions{FieldSelector: "type=" + core.EventTypeWarning}
	r.pages(flux.CheckFailures, "events", options, func(options meta.ListOptions) (string, error) {
		page, err := r.core.Events(r.query.Namespace).List(r.ctx, options)
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			if e := event(&page.Items[i]); !e.Last.Before(r.query.Since) {
				r.cluster.Events = append(r.cluster.Events, e)
			}
		}
		return page.Continue, nil
	})
}

func event(e *core.Event) flux.Event {
	d := flux.Event{
		Kind: e.InvolvedObject.Kind, Namespace: e.InvolvedObject.Namespace, Name: e.InvolvedObject.Name,
		Type: e.Type, Message: e.Message, Count: int(e.Count), Last: e.LastTimestamp.Time,
	}
	if e.Series != nil {
		d.Count, d.Last = int(e.Series.Count), e.Series.LastObservedTime.Time
	}
	if d.Last.IsZero() {
		d.Last = cmp.Or(e.EventTime.Time, e.CreationTimestamp.Time)
	}
	return d
}

// controllers are the pods' app labels, as Flux's manifests set them.
func controllers() []string {
	return []string{"image-automation-controller", "image-reflector-controller", "source-controller"}
}

const (
	// container is where Flux's controllers run in their pods.
	container = "manager"
	// maxLog bounds what is read of one pod's log, in bytes and in lines.
	maxLog   = 8 << 20
	maxLines = 20_000
)

// logs reads what the controllers wrote within the window. With several
// replicas only one of them works, so all are read.
func (r *reader) logs() {
	pods, err := r.core.Pods(r.query.Namespace).List(r.ctx, meta.ListOptions{
		LabelSelector: "app in (" + strings.Join(controllers(), ",") + ")",
	})
	if err != nil {
		r.unread(flux.CheckFailures, "pods in namespace "+r.query.Namespace, err)
		return
	}
	slices.SortFunc(pods.Items, func(a, b core.Pod) int { return strings.Compare(a.Name, b.Name) })
	for _, name := range controllers() {
		log := flux.Log{Controller: name}
		found := false
		for i := range pods.Items {
			if pod := &pods.Items[i]; pod.Labels["app"] == name {
				found = true
				r.log(&log, pod)
			}
		}
		if !found {
			r.unread(flux.CheckFailures, "log of "+name, errors.New("no pod of it is in namespace "+r.query.Namespace))
		}
		r.cluster.Logs = append(r.cluster.Logs, log)
	}
}

// log adds one pod's lines. The end of the window counts most, so the number of
// lines is bounded from its end.
func (r *reader) log(log *flux.Log, pod *core.Pod) {
	since, lines, size := meta.NewTime(r.query.Since), int64(maxLines), int64(maxLog)
	stream, err := r.core.Pods(pod.Namespace).GetLogs(pod.Name, &core.PodLogOptions{
		Container: container, SinceTime: &since, TailLines: &lines, LimitBytes: &size,
	}).Stream(r.ctx)
	what := "log of pod " + pod.Name
	if err != nil {
		r.unread(flux.CheckFailures, what, err)
		return
	}
	defer stream.Close()
	if err := readLines(log, stream); err != nil {
		r.unread(flux.CheckFailures, what, err)
	}
}

// readLines adds the lines of a log. Where the bound is reached the last line
// may be half a line, and is left out.
func readLines(log *flux.Log, from io.Reader) error {
	limited := &io.LimitedReader{R: from, N: maxLog}
	lines, n := bufio.NewReader(limited), 0
	for {
		line, err := lines.ReadString('\n')
		if err == nil || limited.N > 0 && line != "" {
			log.Lines = append(log.Lines, strings.TrimRight(line, "\r\n"))
			n++
		}
		if err != nil {
			log.Cut = log.Cut || limited.N <= 0 || n >= maxLines
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}
