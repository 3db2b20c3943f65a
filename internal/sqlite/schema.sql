-- How far the log was taken in. One row.
CREATE TABLE log (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    commits    INTEGER NOT NULL, -- so far
    pace       TEXT    NOT NULL, -- JSON: how far the clock has come
    rules      TEXT    NOT NULL, -- JSON: what commands have said, and the premises
    waiting    TEXT    NOT NULL, -- JSON array of resource ids
    awaited    TEXT    NOT NULL  -- JSON object: milliseconds by resource id
) STRICT;

-- How far each source was taken in, by its identity.
CREATE TABLE positions (
    source     TEXT    PRIMARY KEY,
    "offset"   INTEGER NOT NULL,
    done       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the engine remembers of a resource and its principals, in chunks; the first has the resource's own state.
CREATE TABLE state (
    resource TEXT    NOT NULL,
    chunk    INTEGER NOT NULL,
    data     BLOB    NOT NULL,
    PRIMARY KEY (resource, chunk)
) STRICT;

-- Incidents as the engine wrote them last. Each index is an order in which they are asked for.
CREATE TABLE incidents (
    id        TEXT    PRIMARY KEY,
    opened_at INTEGER NOT NULL, -- milliseconds since 1970
    last_seen INTEGER NOT NULL, -- milliseconds since 1970
    risk      REAL    NOT NULL,
    severity  INTEGER NOT NULL, -- 0 is info
    status    TEXT    NOT NULL,
    text      TEXT    NOT NULL, -- that is searched
    created   INTEGER NOT NULL, -- of which usage hub, and the number of the event, that it is the state after;
    sequence  INTEGER NOT NULL, -- 0 where the log is none of a usage hub
    document  TEXT    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX incidents_by_opened_at ON incidents (opened_at, id);
CREATE INDEX incidents_by_last_seen ON incidents (last_seen, id);
CREATE INDEX incidents_by_risk ON incidents (risk, id);

-- What else incidents are found by: "principal", "resource" and "detector".
CREATE TABLE incident_keys (
    kind     TEXT NOT NULL,
    value    TEXT NOT NULL,
    incident TEXT NOT NULL,
    PRIMARY KEY (kind, value, incident)
) STRICT, WITHOUT ROWID;

CREATE INDEX incident_keys_by_incident ON incident_keys (incident);

-- How far functions have come, one row for each and its partition.
CREATE TABLE progress (
    function  TEXT    NOT NULL,
    hub       TEXT    NOT NULL,
    partition TEXT    NOT NULL,
    saved     INTEGER NOT NULL, -- how often
    document  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (function, hub, partition)
) STRICT, WITHOUT ROWID;

-- Records that could not be read, by where they stand. Nothing of what they say is here.
CREATE TABLE deadletters (
    id       TEXT    PRIMARY KEY,
    found    INTEGER NOT NULL, -- milliseconds since 1970
    document TEXT    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX deadletters_by_found ON deadletters (found, id);

-- How many partitions the usage hub has that the heads are made for. One row at most.
CREATE TABLE layout (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    partitions INTEGER NOT NULL
) STRICT;

-- How far the log of a partition of a usage hub is in the heads.
CREATE TABLE checkpoints (
    hub       TEXT    NOT NULL,
    created   INTEGER NOT NULL, -- when the hub was made: milliseconds since 1970
    partition TEXT    NOT NULL,
    version   INTEGER NOT NULL, -- one more with each write
    document  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (hub, created, partition)
) STRICT, WITHOUT ROWID;

-- The committed state of a resource whose log is a usage partition's: the first chunk, and which others belong to it.
CREATE TABLE heads (
    resource TEXT    PRIMARY KEY,
    version  INTEGER NOT NULL, -- one more with each write
    document TEXT    NOT NULL, -- JSON, without data
    data     BLOB    NOT NULL
) STRICT;

CREATE TABLE chunks (
    resource   TEXT    NOT NULL,
    "index"    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    data       BLOB    NOT NULL,
    PRIMARY KEY (resource, "index", generation)
) STRICT;
