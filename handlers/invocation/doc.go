// Package invocation is the contract between the Azure Functions host and a
// function that is not HTTP: what the host sends, what it must be answered,
// and what must never happen in between.
//
// The host sends POST /NAME with a JSON object, Data and Metadata, in which
// strings, numbers and arrays are wrapped as strings of JSON, up to three times:
//
//	binding                     decoded by
//	events, many or one         [DecodeBatch]       into a Batch
//	timer                       [DecodeTimer]       into a Timer
//	documents of Cosmos DB      [DecodeDocuments]   into Documents
//
// A body is decoded in place: it is in memory once, and what is decoded of it
// points into it. Members that nobody uses are passed over and not validated
// beyond strings and brackets; of RetryContext only the two counts are read,
// since the exception in it is kilobytes of stack traces.
//
// [New] makes the http.Handler of a function. It promises that
//
//   - every answer is a JSON object with its Content-Type: an empty one would
//     hang the host until it kills everything on the instance, and a redirect
//     would be followed and could count as a success;
//   - an answer comes before the host's functionTimeout, whatever the function does;
//   - a panic is an answer too, of status 500;
//   - a function has one invocation at a time of each partition;
//   - nobody but the host gets in ([FromHost]);
//   - one line is logged of each invocation, with its id, partition and sequence range.
//
// Status 200 says that what came is durable or can be rebuilt; any other makes
// the host try again by the policy in function.json. So a function fails only
// for what a retry can cure.
package invocation
