// Package invocation is what the Functions host and a custom handler say to
// one another: the request that an invocation is, in each shape that a
// trigger, a cardinality and a data type give it, and how the host judges the
// answer. The shapes and the judgements are those of host 4.1037.0, captured;
// the tests compare with the captures byte by byte.
package invocation
