package engine_test

import (
	"testing"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
)

func TestMemory_is_a_store(t *testing.T) {
	storetest.Run(t, func(*testing.T) engine.Store { return engine.NewMemory() })
}
