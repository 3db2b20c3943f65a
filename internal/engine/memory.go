package engine

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/keywarden/keywarden/internal/incident"
)

var (
	_ ProgressStore = (*Memory)(nil)
	_ DeadLetters   = (*Memory)(nil)
)

// List answers a query. The error of one that is wrong is an *incident.QueryError.
func (m *Memory) List(_ context.Context, q incident.Query) (incident.Page, error) {
	m.mu.RLock()
	all := slices.Collect(maps.Values(m.incidents))
	m.mu.RUnlock()
	return incident.Select(all, q)
}

// Get returns an incident with its evidence, or incident.ErrNotFound.
func (m *Memory) Get(_ context.Context, id string) (*incident.Incident, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if i := m.incidents[id]; i != nil {
		return i, nil
	}
	return nil, incident.ErrNotFound
}

// Progress implements ProgressStore.
func (m *Memory) Progress(_ context.Context, key ProgressKey) (Progress, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	p := m.progress[key]
	p.ProgressKey = key
	return p.clone(), nil
}

// SaveProgress implements ProgressStore.
func (m *Memory) SaveProgress(_ context.Context, p *Progress) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.progress[p.ProgressKey].ETag != p.ETag {
		return ErrStale
	}
	m.saved++
	p.ETag = strconv.Itoa(m.saved)
	m.progress[p.ProgressKey] = p.clone()
	return nil
}

// AllProgress implements ProgressStore.
func (m *Memory) AllProgress(context.Context) ([]Progress, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []Progress
	for _, p := range m.progress {
		all = append(all, p.clone())
	}
	return all, nil
}

// SaveDeadLetters implements DeadLetters.
func (m *Memory) SaveDeadLetters(_ context.Context, all []DeadLetter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range all {
		m.letters[d.ID()] = d
		maps.DeleteFunc(m.letters, func(_ string, old DeadLetter) bool { return old.Found <= d.Found-DeadLetterLife })
	}
	return nil
}

// DeadLetters implements DeadLetters.
func (m *Memory) DeadLetters(context.Context) ([]DeadLetter, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.SortedFunc(maps.Values(m.letters), CompareDeadLetters), nil
}

// DropDeadLetters implements DeadLetters.
func (m *Memory) DropDeadLetters(_ context.Context, all []DeadLetter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range all {
		delete(m.letters, d.ID())
	}
	return nil
}

// clone is p without memory in common.
func (p *Progress) clone() Progress {
	c := *p
	c.Unknown, c.Drift, c.Resources = maps.Clone(p.Unknown), maps.Clone(p.Drift), maps.Clone(p.Resources)
	c.Gaps, c.Ends = slices.Clone(p.Gaps), slices.Clone(p.Ends)
	return c
}
