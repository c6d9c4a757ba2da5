package index

// schemaVersion is written into each index; one of another version is built
// anew. Change it with any change of the schema, or of what its columns mean.
const schemaVersion = 1

// current is the last snapshot of a version that is still current, in SQL.
const current = "2147483647"

// rootID is the file of "/", whose directory is 0.
const rootID = 1

// schema is that of one index.
//
// A file is a path: a name in a directory, which is itself a file. A version is
// the span of snapshots, first to last, in which it stayed as it was; spans of
// one file do not overlap. Numbers of snapshots grow in the order in which they
// were indexed, which says nothing about their age. The key ends in last, so
// that the current version of a file, whose last is the same for all, is found at once.
const schema = `
CREATE TABLE snaps (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	name    TEXT NOT NULL,
	guid    TEXT NOT NULL,
	created INTEGER NOT NULL, -- seconds of the Unix epoch
	state   TEXT NOT NULL,
	unread  INTEGER NOT NULL  -- files that could not be looked at
) STRICT;
CREATE TABLE files (
	id   INTEGER PRIMARY KEY,
	dir  INTEGER NOT NULL,
	name BLOB NOT NULL,
	UNIQUE (dir, name)
) STRICT;
CREATE TABLE versions (
	file   INTEGER NOT NULL,
	last   INTEGER NOT NULL,
	first  INTEGER NOT NULL,
	mode   INTEGER NOT NULL, -- st_mode, 0: could not be looked at
	uid    INTEGER NOT NULL,
	gid    INTEGER NOT NULL,
	size   INTEGER NOT NULL,
	mtime  INTEGER NOT NULL, -- nanoseconds of the Unix epoch
	ctime  INTEGER NOT NULL, -- likewise; 0 for directories
	ino    INTEGER NOT NULL,
	nlink  INTEGER NOT NULL, -- 0 for directories
	rdev   INTEGER NOT NULL, -- major << 32 | minor
	target BLOB,
	sum    BLOB,
	PRIMARY KEY (file, last)
) STRICT, WITHOUT ROWID;
-- What lies beneath each directory of the snapshot indexed last.
CREATE TABLE sizes (
	dir   INTEGER PRIMARY KEY,
	bytes INTEGER NOT NULL,
	files INTEGER NOT NULL
) STRICT;
INSERT INTO files (id, dir, name) VALUES (1, 0, x'');
`
