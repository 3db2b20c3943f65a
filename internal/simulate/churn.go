package simulate

// Rates of change in benign life, per day, at Options.Churn = 1. No public
// data fixes them: they are assumed, after the figures with which volume
// detectors were evaluated on the ServeGen clients (0.05 new networks a
// principal and day, a fifth of them moves of everything). Sweep Churn from
// 0.2 to 4 before a conclusion rests on them.
const (
	churnEgress      = 0.02  // a company gets a further egress address beside those that it has
	churnMove        = 0.01  // a company moves to another provider: all egress addresses change at once
	churnNode        = 0.04  // a backend's pool gets a new address in place of one that it had
	churnRedeploy    = 0.01  // a backend is deployed anew: all its addresses change, its cloud stays
	churnRegion      = 0.006 // a backend's calls are served from another region of its cloud: for a day, or from then on
	churnHome        = 0.12  // a home is given another dynamic address by its carrier
	churnPhone       = 0.25  // a telephone's carrier moves it to another block
	churnHides       = 0.006 // a person begins to use a private VPN now and then
	churnTrip        = 0.006 // a person goes abroad for two to six days (travellers: 15 times as often)
	churnMigrate     = 0.003 // a program moves to a new model and api-version (migrators: 25 times as often)
	churnTrial       = 0.01  // a program makes a few calls to a model that it has not used
	churnKeyTest     = 0.06  // a team that uses Entra only tries a key once (only where this is its habit)
	churnHello       = 0.008 // somebody looks whether the program's key works: one or two calls of next to nothing
	churnLoadTest    = 0.07  // a load test on a working day (only where this is a habit)
	churnCampaign    = 0.08  // a marketing day with five times the images (only studios)
	churnDouble      = 0.1   // a nightly batch runs twice (only batches)
	churnBulk        = 0.006 // a program works off a backlog: a few times its daily calls within hours
	churnGuest       = 0.002 // somebody else of the company begins to use a program's key, for some days
	churnRetire      = 0.001 // a program is switched off for good
	churnOutage      = 0.04  // a region has an outage of 20 to 90 minutes
	replacesLogs     = 0.02  // a deployment replaces an account's diagnostic setting
	shareNewUser     = 0.35  // share of a SaaS's sessions that are of a user not seen before
	shareRented      = 0.06  // share of backends that run on rented servers, and not in a large cloud
	shareHides       = 0.05  // share of people who use a private VPN now and then
	shareTriesImages = 0.1   // share of trials that are of a model that makes images
	shareUsersHide   = 0.02  // share of a SaaS's users who use a private VPN
	shareElsewhere   = 0.3   // share of load tests and backlogs that run on a machine of their own
	shareOffends     = 0.003 // share of sessions of a page's users whose prompts the content filter refuses again and again
	shareHello       = 0.4   // share of guests who first look whether the key works
	shareAtQuota     = 0.6   // share of load tests and backlogs that run into the quota
	sharePutBack     = 0.05  // share of migrations to any api-version, which may be older
	shareAtHome      = 0.25  // share of administrators' acts that are done from home
)
