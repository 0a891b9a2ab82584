//! The tables, and what marks the file as ours.
//!
//! Triggers keep the small tables beside `jobs` (how many in each state, how many of each owner, whose turn it is), so that no way
//! of changing a job can forget one of them, and every question is a walk down an index however many jobs there are.

use samovar_store::FileSchema;

/// The letters `SaJq` mark the file.
pub const SCHEMA: FileSchema = FileSchema { application_id: 0x5361_4a71, version: 1, tables: TABLES };

/// `ready` is 1 for a queued job that may begin, and 0 for one whose backoff lasts: it is raised when `not_before` has come.
/// A `turn` is an owner's place in the round at one priority: the smallest is next, and who was served goes behind the greatest.
const TABLES: &str = "
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    state INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    created INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    not_before INTEGER NOT NULL,
    cancel_asked INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL UNIQUE,
    token INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    worker TEXT,
    failure_code TEXT,
    failure_message TEXT,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    idempotency_key TEXT,
    payload TEXT NOT NULL,
    result TEXT
) STRICT;
CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_by_owner ON jobs (owner, seq);
CREATE INDEX jobs_by_state ON jobs (state, seq);
CREATE INDEX jobs_ready ON jobs (owner, priority, seq) WHERE ready = 1;
CREATE INDEX jobs_waiting ON jobs (ready, not_before) WHERE state = 0;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 1;
CREATE INDEX jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;

CREATE TABLE ledger (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;
INSERT INTO ledger VALUES (1, 0, 0);

CREATE TABLE counts (state INTEGER PRIMARY KEY, jobs INTEGER NOT NULL CHECK (jobs >= 0)) STRICT;
INSERT INTO counts VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0);

CREATE TABLE owners (owner TEXT PRIMARY KEY, jobs INTEGER NOT NULL CHECK (jobs >= 0)) STRICT, WITHOUT ROWID;

CREATE TABLE turns (
    priority INTEGER NOT NULL,
    owner TEXT NOT NULL,
    turn INTEGER NOT NULL,
    jobs INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (priority, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX turns_next ON turns (priority, turn);

CREATE TRIGGER job_in AFTER INSERT ON jobs BEGIN
    UPDATE counts SET jobs = jobs + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER job_out AFTER DELETE ON jobs BEGIN
    UPDATE counts SET jobs = jobs - 1 WHERE state = OLD.state;
END;
CREATE TRIGGER job_moves AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state BEGIN
    UPDATE counts SET jobs = jobs - 1 WHERE state = OLD.state;
    UPDATE counts SET jobs = jobs + 1 WHERE state = NEW.state;
END;

CREATE TRIGGER owner_in AFTER INSERT ON jobs WHEN NEW.state <= 1 BEGIN
    INSERT INTO owners VALUES (NEW.owner, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER owner_back AFTER UPDATE OF state ON jobs WHEN OLD.state > 1 AND NEW.state <= 1 BEGIN
    INSERT INTO owners VALUES (NEW.owner, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER owner_out AFTER UPDATE OF state ON jobs WHEN OLD.state <= 1 AND NEW.state > 1 BEGIN
    UPDATE owners SET jobs = jobs - 1 WHERE owner = NEW.owner;
    DELETE FROM owners WHERE owner = NEW.owner AND jobs = 0;
END;

CREATE TRIGGER turn_in AFTER INSERT ON jobs WHEN NEW.ready = 1 BEGIN
    INSERT INTO turns VALUES (NEW.priority, NEW.owner,
        (SELECT coalesce(max(turn), 0) + 1 FROM turns WHERE priority = NEW.priority), 1)
        ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER turn_back AFTER UPDATE OF ready ON jobs WHEN OLD.ready = 0 AND NEW.ready = 1 BEGIN
    INSERT INTO turns VALUES (NEW.priority, NEW.owner,
        (SELECT coalesce(max(turn), 0) + 1 FROM turns WHERE priority = NEW.priority), 1)
        ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER turn_out AFTER UPDATE OF ready ON jobs WHEN OLD.ready = 1 AND NEW.ready = 0 BEGIN
    UPDATE turns SET jobs = jobs - 1 WHERE priority = NEW.priority AND owner = NEW.owner;
    DELETE FROM turns WHERE priority = NEW.priority AND owner = NEW.owner AND jobs = 0;
END;
";
