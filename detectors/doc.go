// Package detectors is the domain: what happened ([Event]), to whom
// ([Principal]), what is remembered of them ([Profile]), and how abuse is
// recognised in that ([Detector], [Finding]). It imports the standard library
// only: no clock, no I/O, no logger. Time is in the events, so a replay judges
// as production did.
//
// For each event of a principal the engine calls [Profile.Advance], then
// [Detector.Observe] of every detector with the profile as it was before the
// event, then [Profile.Learn]. A detector turns what it saw into a statistic
// and asks [Profile.Bits] how surprising that is; the embedded [Scale] was
// measured on benign life (docs/decisions/0006-bits.md).
//
// Each detector is a package in the folder of its id; detectors/all lists them,
// detectors/detectortest has the acceptance test that each must pass, and
// `make new-detector` makes one.
package detectors
