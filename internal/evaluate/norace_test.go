//go:build !race

package evaluate_test

// heldPrincipals is how many principals the promise is tested on.
const heldPrincipals = 200
