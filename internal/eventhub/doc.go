// Package eventhub is Azure Event Hubs for Keywarden, over the azeventhubs SDK:
//
//	Connect       a namespace, by managed identity or connection string   namespace.go
//	Hub           a hub, and which incarnation of it                      hub.go
//	Publisher     messages into the usage hub, in order                   publisher.go
//	Reader        a range of a partition again                            reader.go
//	Hub.Run       consume with checkpoints, shared among processes        run.go
//	Hub.Send      log files into the diagnostics hub                      send.go
//
// What can pass (throttling, a moved partition, a cut connection) is tried
// again until the context ends, first by the SDK and then here. What cannot is
// returned at once, and says what to do: see ErrUnauthorized, ErrNotFound,
// ErrTooLarge. No error holds a key or a token.
//
// A hub that was deleted and made again has the same name and begins to count
// anew. So everything that is kept under a position of a hub is kept under its
// time of creation too: Properties.Log and Properties.Source.
package eventhub
