// Package handlers is what the Azure Functions host calls: a custom handler,
// in one process, for all functions of the app.
//
//	invocation/    the contract between the host and a function that is not HTTP
//	diagnostics/   records of Azure, from the diagnostics hub      function.json and Go
//	usage/         the one log, from the usage hub                 function.json and Go
//	sweep/         every minute                                    function.json and Go
//	api/           api/{*path}, the analysts' API                  function.json and Go
//	access/        who may use an HTTP function
//	logs/          one line of JSON a record, errors on standard error
//
// A folder with a function.json is a function and has a line in the route
// table ([New]); each says in an interface of its own what it needs. [Serve]
// runs them. `make package` puts the folders' function.json, host.json and the
// program into the zip that is deployed.
//
// The host is a custom-handler host: Microsoft's worker for Go is a preview
// that has no retry. Its ways, and what they force, are told where they are
// met.
package handlers
