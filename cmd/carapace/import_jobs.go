package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/store/foreign"
)

// foreignJob is a job of another gateway, in its own words; those that this one takes are the same.
type foreignJob struct {
	// Declared jobs belong to a part of that gateway, which makes them itself.
	Declared      string          `json:"declarationKey,omitempty"`
	Name          string          `json:"name"`
	Description   string          `json:"description,omitempty"`
	AgentID       string          `json:"agentId,omitempty"`
	Enabled       bool            `json:"enabled"`
	Schedule      json.RawMessage `json:"schedule"`
	SessionTarget string          `json:"sessionTarget,omitempty"`
	WakeMode      string          `json:"wakeMode,omitempty"`
	Payload       json.RawMessage `json:"payload"`
	Delivery      json.RawMessage `json:"delivery,omitempty"`
}

// foreignJobs reads the jobs below a state directory that people have made.
func foreignJobs(ctx context.Context, folder string) (jobs []foreignJob, err error) {
	text, err := file.Read(filepath.Join(folder, "cron", "jobs.json"), importIndex)
	if err == nil {
		var kept struct {
			Jobs []foreignJob `json:"jobs"`
		}
		if err := json.Unmarshal(text, &kept); err != nil {
			return nil, fmt.Errorf("cron/jobs.json is no list of jobs: %w", err)
		}
		jobs = kept.Jobs
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	path := filepath.Join(folder, "state", "openclaw.sqlite")
	if found, _ := filepath.Glob(path); len(found) == 1 {
		more, err := jobsOf(ctx, path)
		if err != nil {
			return jobs, err
		}
		jobs = append(jobs, more...)
	}
	return slices.DeleteFunc(jobs, func(j foreignJob) bool { return j.Declared != "" || j.Name == "" }), nil
}

func jobsOf(ctx context.Context, path string) (jobs []foreignJob, err error) {
	db, err := foreign.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	err = db.Rows(ctx, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		var job foreignJob
		if err := json.Unmarshal([]byte(text), &job); err != nil {
			return fmt.Errorf("a job cannot be read: %w", err)
		}
		jobs = append(jobs, job)
		return nil
	}, "SELECT job_json FROM cron_jobs ORDER BY sort_order, job_id")
	return jobs, err
}

// importJobs adds the jobs that there are none of with the same name, or without call tells them.
func importJobs(ctx context.Context, call caller, jobs []foreignJob) (list []imported) {
	var here struct{ Jobs []struct{ Name string } }
	if call != nil && len(jobs) > 0 {
		if err := call(ctx, "cron.list", map[string]any{"includeDisabled": true}, &here); err != nil {
			return []imported{{Job: "…", Result: "not taken: " + err.Error()}}
		}
	}
	for _, job := range jobs {
		one := imported{Job: job.Name, Result: "taken"}
		switch {
		case call == nil:
			one.Result = "would be taken"
		case slices.ContainsFunc(here.Jobs, func(j struct{ Name string }) bool { return j.Name == job.Name }):
			one.Result = "there is a job of this name already"
		default:
			if err := call(ctx, "cron.add", job, nil); err != nil {
				one.Result = "not taken: " + err.Error()
			} else {
				one.Taken = 1
			}
		}
		list = append(list, one)
	}
	return list
}
