package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/terminal"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// How often a person sees that something goes on, and how often the cluster is asked for the event that explains it.
const (
	frameInterval = 150 * time.Millisecond
	eventInterval = time.Second
)

// awaitStart shows where the task is and why it waits, until it runs or has ended: on a terminal in place, else a line for each change.
func (c *cli) awaitStart(ctx context.Context, d *driver.Driver, id string, container orchestra.Container) error {
	p := progress{c: c, d: d, id: id, began: time.Now()}
	if c.live {
		p.block = terminal.NewBlock(c.err, c.width)
		defer p.block.Clear()
	}
	frames := time.NewTicker(frameInterval)
	defer frames.Stop()
	for {
		status, err := container.Status(ctx)
		if err != nil {
			return err
		}
		why, _ := status.(orchestra.Explainer)
		if status.IsDone() || why == nil || why.Reason() == driver.ReasonRunning {
			return nil
		}
		p.show(ctx, why)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-frames.C:
		}
	}
}

// progress is what is shown of a task that has not started.
type progress struct {
	c     *cli
	d     *driver.Driver
	id    string
	block *terminal.Block // nil where nothing can be written in place
	began time.Time
	frame int

	last  string    // what was shown last, without the spinner and the time
	event string    // the newest event of the pod
	asked time.Time // when the event was asked for
	deaf  bool      // events may not be read
}

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

func (p *progress) show(ctx context.Context, why orchestra.Explainer) {
	text := fmt.Sprintf("task %q: %s", p.id, stageName(why.Reason()))
	if message := terminal.Line(why.Message()); message != "" {
		text += ": " + message
	} else if why.Reason() == driver.ReasonStarting {
		if p.newestEvent(ctx); p.event != "" {
			text += ": " + p.event
		}
	}
	if p.block == nil {
		if text != p.last {
			p.c.say("%s", text)
		}
		p.last = text
		return
	}
	p.frame++
	mark := p.c.errorColour.Good(string(spinner[p.frame%len(spinner)]))
	_ = p.block.Show(fmt.Sprintf("%s %s %s", mark, terminal.Clean(text), p.c.errorColour.Faint(time.Since(p.began).Round(time.Second).String())))
}

// stageName says what a waiting task does; a reason that names a problem is its own name.
func stageName(reason string) string {
	switch reason {
	case driver.ReasonScheduling:
		return "waiting for a node"
	case driver.ReasonStarting:
		return "starting"
	}
	return "waits, " + reason
}

// newestEvent learns what the node does: pulling an image, for example, which the pod itself does not show. Who may not read events sees less.
func (p *progress) newestEvent(ctx context.Context) {
	if p.deaf || time.Since(p.asked) < eventInterval {
		return
	}
	p.asked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, eventInterval)
	defer cancel()
	info, err := p.d.InspectTask(ctx, p.id)
	if err != nil {
		return
	}
	events, err := p.d.TaskEvents(ctx, info)
	if err != nil {
		p.deaf = !errors.Is(err, context.DeadlineExceeded)
		return
	}
	if len(events) > 0 {
		p.event = terminal.Line(events[len(events)-1].Message)
	}
}
