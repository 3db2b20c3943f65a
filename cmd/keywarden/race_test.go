//go:build race

package main

// raced says that the race detector is on. A process of it takes seconds to
// start, and the hosted tests start hundreds: there the handler is built without
// it. Its code is watched in the tests of the engine and of the adapters, and
// where one process alone is the product.
const raced = true
