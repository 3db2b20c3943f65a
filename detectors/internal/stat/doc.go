// Package stat holds the mathematics that several detectors share: numbers in,
// numbers out. It knows nothing of principals or events. What a detector may
// keep in its memory is of fixed size.
package stat
