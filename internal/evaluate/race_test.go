//go:build race

package evaluate_test

// heldPrincipals is how many principals the promise is tested on. The 200 that
// it is given for take minutes under the race detector: make promise has them.
const heldPrincipals = 40
