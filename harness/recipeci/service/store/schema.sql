-- Version 1 of the service's database. Times are seconds since 1970, but for those of the forge, which are ISO 8601 UTC.
CREATE TABLE repository (
  id INTEGER PRIMARY KEY, -- the forge's number: a name can be given to another repository
  full_name TEXT NOT NULL,
  recipe TEXT NOT NULL,
  private INTEGER NOT NULL CHECK (private IN (0, 1)),
  clone_url TEXT NOT NULL,
  since TEXT NOT NULL,
  cursor TEXT NOT NULL,
  enrolled INTEGER NOT NULL DEFAULT 1 CHECK (enrolled IN (0, 1)), -- 0: removed, and its runs are still shown
  gone REAL -- since when the forge does not have it
) STRICT;

-- The inbox: comments with a command, each once, whichever way and how often it came.
CREATE TABLE comment (
  repository INTEGER NOT NULL REFERENCES repository (id),
  id INTEGER NOT NULL,
  pull INTEGER NOT NULL,
  author_id INTEGER NOT NULL,
  author_login TEXT NOT NULL,
  body TEXT NOT NULL,
  created TEXT NOT NULL,
  head TEXT,
  via TEXT NOT NULL CHECK (via IN ('webhook', 'poll')),
  received REAL NOT NULL,
  state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'decided', 'given up')),
  decision TEXT NOT NULL DEFAULT '', -- what was decided, and why
  cancels INTEGER NOT NULL DEFAULT 0 CHECK (cancels IN (0, 1)), -- it was decided to end what was asked for before it
  attempts INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL,
  failed REAL, -- when the forge was first asked in vain
  given_up REAL,
  UNIQUE (repository, id)
) STRICT;
CREATE INDEX comment_due ON comment (repository, pull, id) WHERE state = 'new';
CREATE INDEX comment_given_up ON comment (given_up) WHERE state = 'given up';

CREATE TABLE sweep (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started REAL NOT NULL,
  expected INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository INTEGER NOT NULL REFERENCES repository (id),
  comment INTEGER,
  sweep INTEGER REFERENCES sweep (id),
  pull INTEGER,
  recipe TEXT NOT NULL,
  sha TEXT NOT NULL,
  asked TEXT NOT NULL, -- JSON: all of model.Asked
  asked_by TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'final')),
  attempts INTEGER NOT NULL DEFAULT 0,
  submitted INTEGER NOT NULL DEFAULT 0 CHECK (submitted IN (0, 1)), -- the engine has its newest attempt
  running INTEGER NOT NULL DEFAULT 0 CHECK (running IN (0, 1)),
  replaced_by INTEGER REFERENCES request (id),
  cancel TEXT,
  waiting TEXT NOT NULL DEFAULT '',
  created REAL NOT NULL,
  started REAL,
  ended REAL,
  outcome TEXT CHECK (outcome IN ('pass', 'fail', 'unverified', 'error', 'superseded', 'cancelled')),
  reason TEXT NOT NULL DEFAULT '',
  report TEXT, -- JSON: schemas/report.json
  CHECK ((state = 'final') = (outcome IS NOT NULL)),
  UNIQUE (repository, comment)
) STRICT;
CREATE INDEX request_open ON request (id) WHERE state = 'open';
CREATE INDEX request_pull ON request (repository, pull);
CREATE INDEX request_outcome ON request (outcome) WHERE state = 'final'; -- counted by each look at the metrics

-- The embedded engine's: one row an attempt at a request, run at most once.
CREATE TABLE job (
  key TEXT PRIMARY KEY,
  repository INTEGER NOT NULL,
  asked TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'ended', 'withdrawn', 'lost')),
  queued REAL NOT NULL,
  worker TEXT,
  fence TEXT, -- whoever took it writes only with it
  beat INTEGER NOT NULL DEFAULT 0,
  started REAL,
  ended REAL,
  cancel TEXT,
  reason TEXT NOT NULL DEFAULT '',
  result TEXT -- JSON: model.Result
) STRICT;
CREATE INDEX job_started ON job (repository, started);
CREATE INDEX job_waiting ON job (queued) WHERE state IN ('queued', 'running');

-- What a run prints, masked, as it comes.
CREATE TABLE log (
  job TEXT NOT NULL,
  part INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
  name TEXT PRIMARY KEY,
  slots INTEGER NOT NULL,
  version TEXT NOT NULL,
  seen REAL NOT NULL
) STRICT;

-- The one comment under a pull request. `comment` is known once it was made, or found again.
CREATE TABLE card (
  repository INTEGER NOT NULL REFERENCES repository (id),
  pull INTEGER NOT NULL,
  comment INTEGER,
  answer TEXT NOT NULL DEFAULT '',
  needs_maintainer INTEGER NOT NULL DEFAULT 0 CHECK (needs_maintainer IN (0, 1)), -- said once
  PRIMARY KEY (repository, pull)
) STRICT, WITHOUT ROWID;

-- Effects on the forge, each a row before it is tried. Of one subject the oldest waiting row is sent first.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE, -- status:REQUEST:pending[:after:REQUEST], status:REQUEST:final, card:REPOSITORY:PULL
  subject TEXT NOT NULL,
  repository INTEGER NOT NULL REFERENCES repository (id),
  pull INTEGER,
  request INTEGER REFERENCES request (id),
  status TEXT, -- JSON: model.Status; a card is written from what is known when it is sent
  version INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'overtaken', 'given up')),
  tried INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL,
  created REAL NOT NULL,
  failed REAL, -- when it was first tried in vain, of what is to be told now
  given_up REAL,
  doubted REAL, -- when it was tried again, while nobody knew whether the attempt before might still come through
  look REAL, -- when to look what came of that
  error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outbox_due ON outbox (subject, id) WHERE state = 'waiting';
CREATE INDEX outbox_look ON outbox (look) WHERE look IS NOT NULL;
CREATE INDEX outbox_given_up ON outbox (given_up) WHERE state = 'given up';
