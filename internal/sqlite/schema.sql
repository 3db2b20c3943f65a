-- How far the log was taken in. One row.
CREATE TABLE log (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    commits    INTEGER NOT NULL, -- so far
    clock      INTEGER NOT NULL, -- milliseconds since 1970
    rules      TEXT    NOT NULL, -- JSON: what commands have said
    waiting    TEXT    NOT NULL  -- JSON array of resource ids
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

-- Incidents as the engine wrote them last.
CREATE TABLE incidents (
    id        TEXT    PRIMARY KEY,
    opened_at INTEGER NOT NULL, -- milliseconds since 1970
    document  TEXT    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX incidents_by_opened_at ON incidents (opened_at, id);
