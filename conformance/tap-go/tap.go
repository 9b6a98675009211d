// SPDX-License-Identifier: Apache-2.0

// Package tap writes the Test Anything Protocol. The validation programs import github.com/mndrix/tap-go, which
// Debian does not package; this file stands in its place and offers the calls that they use, in the same meaning.
// Build time only: it becomes part of the programs of the suite, nothing of berth uses it.
package tap

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// T is one stream of points on standard output. Copies share the count, so that the points of a Todo() view
// continue the numbering of the stream it came from.
type T struct {
	points *int
	todo   bool
}

// New returns a stream without points.
func New() *T {
	return &T{points: new(int)}
}

// Header opens the stream; a count above 0 is also the plan, 0 leaves the plan to AutoPlan.
func (t *T) Header(count int) {
	fmt.Println("TAP version 13")
	if count > 0 {
		fmt.Printf("1..%d\n", count)
	}
}

// AutoPlan closes the stream: the plan is what was counted.
func (t *T) AutoPlan() {
	fmt.Printf("1..%d\n", *t.points)
}

// Ok writes one point.
func (t *T) Ok(passed bool, description string) {
	verdict, separator := "ok", "-"
	if !passed {
		verdict = "not ok"
	}
	if t.todo {
		separator = "# TODO"
	}
	*t.points++
	fmt.Printf("%s %d %s %s\n", verdict, *t.points, separator, oneLine(description))
}

// Pass writes a point that passed.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail writes a point that failed.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip writes so many points that were not tried.
func (t *T) Skip(count int, description string) {
	for ; count > 0; count-- {
		*t.points++
		fmt.Printf("ok %d # SKIP %s\n", *t.points, oneLine(description))
	}
}

// Todo returns a view of the stream whose points are marked as not expected to pass yet.
func (t *T) Todo() *T {
	return &T{points: t.points, todo: true}
}

// Diagnostic writes a comment.
func (t *T) Diagnostic(message string) {
	fmt.Println("# " + strings.ReplaceAll(message, "\n", "\n# "))
}

// Diagnosticf writes a formatted comment.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML writes a value as the diagnostic block of the point before it. JSON is a subset of YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "  ---\n  %s\n  ...\n", text)
	return err
}

// oneLine keeps a description from being read as lines of TAP.
func oneLine(text string) string {
	return strings.ReplaceAll(text, "\n", " ")
}
