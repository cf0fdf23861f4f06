// The tables, as migrations in order. A released migration never changes; a new one is added at the end. The number of
// those applied is the database's `user_version`.

export const migrations: readonly string[] = [
  `
  -- One row each: what the log is called, its right edge, and who may write.
  CREATE TABLE log_identity (one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, vkey TEXT NOT NULL) STRICT;
  CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL, instance TEXT NOT NULL,
    size INTEGER NOT NULL, frontier BLOB NOT NULL, open_from INTEGER NOT NULL
  ) STRICT;
  INSERT INTO log_head VALUES (1, 0, '', 0, x'', 0);
  CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
  -- The id is a UUIDv7, so the primary key grows at its right end.
  CREATE TABLE entry_ids (id BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE salts (id BLOB PRIMARY KEY, subject TEXT NOT NULL, salt BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL, frontier BLOB NOT NULL) STRICT;

  CREATE TABLE subjects (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, lookup BLOB NOT NULL UNIQUE, name BLOB NOT NULL, wrapped_key BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE payloads (
    entry TEXT NOT NULL, field TEXT NOT NULL, subject TEXT NOT NULL, ciphertext BLOB NOT NULL, PRIMARY KEY (entry, field)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, application TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, hint TEXT NOT NULL,
    created_at INTEGER NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER, revoked_at INTEGER
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE secrets (
    name TEXT NOT NULL, version INTEGER NOT NULL, key_id TEXT NOT NULL, wrapped_key BLOB NOT NULL,
    ciphertext BLOB NOT NULL, created_at INTEGER NOT NULL, destroyed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (name, version)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE policy_revisions (revision TEXT PRIMARY KEY, content TEXT NOT NULL, activated_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE active_revision (one INTEGER PRIMARY KEY CHECK (one = 1), revision TEXT NOT NULL) STRICT;

  CREATE TABLE usage_position (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT;
  INSERT INTO usage_position VALUES (1, 0);
  CREATE TABLE usage (
    day TEXT NOT NULL, application TEXT NOT NULL, user TEXT NOT NULL, model TEXT NOT NULL,
    calls INTEGER NOT NULL, refused INTEGER NOT NULL, input_tokens INTEGER NOT NULL, cached_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, estimated INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    PRIMARY KEY (day, application, user, model)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Old checkpoints are thinned by when they were made. Those from before have no time, count as old, and go but for the last.
  ALTER TABLE checkpoints ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX checkpoints_by_time ON checkpoints (made_at);
  `,
  `
  -- Values that show at start whether the keys at hand are those that the data was sealed under.
  CREATE TABLE key_checks (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  -- A row without a MAC of ours is not valid, which holds for those from before too: nothing was released with them.
  ALTER TABLE api_keys ADD COLUMN mac TEXT NOT NULL DEFAULT '';
  `,
  `
  -- What policies are decided on: by window and when it began, so that those that are over are one range.
  CREATE TABLE counters (
    window TEXT NOT NULL, start INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    requests INTEGER NOT NULL, tokens INTEGER NOT NULL, micro_usd INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    PRIMARY KEY (window, start, kind, name)
  ) STRICT, WITHOUT ROWID;
  -- What calls hold of them that the log has not been counted for; \`counters\` is JSON.
  CREATE TABLE reservations (
    call TEXT PRIMARY KEY, holder TEXT NOT NULL, at INTEGER NOT NULL, counters TEXT NOT NULL,
    requests INTEGER NOT NULL, tokens INTEGER NOT NULL, micro_usd INTEGER NOT NULL, unpriced INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- The log is counted again, for the counters.
  DELETE FROM usage;
  UPDATE usage_position SET position = 0;
  `,
  `
  -- What waits for people. Content is sealed, may be large and comes last, so that nobody reads past it.
  CREATE TABLE holds (
    id TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, call TEXT NOT NULL, application TEXT NOT NULL,
    attach_key TEXT NOT NULL, created_at INTEGER NOT NULL, due_at INTEGER, record TEXT NOT NULL, mac TEXT NOT NULL,
    content BLOB NOT NULL
  ) STRICT;
  CREATE INDEX holds_by_attach_key ON holds (attach_key, created_at, id);
  CREATE INDEX holds_by_due_time ON holds (due_at, id) WHERE due_at IS NOT NULL;
  -- \`newest\`: 1 for the last revision of each, which is the only one that is listed and counted.
  CREATE TABLE approvals (
    id TEXT NOT NULL, revision INTEGER NOT NULL, hold TEXT NOT NULL, state TEXT NOT NULL, user_id TEXT,
    application TEXT NOT NULL, conversation TEXT NOT NULL, fingerprint TEXT NOT NULL, created_at INTEGER NOT NULL,
    record TEXT NOT NULL, newest INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (id, revision)
  ) STRICT;
  CREATE INDEX approvals_by_hold ON approvals (hold, id, revision);
  CREATE INDEX approvals_by_state ON approvals (state, id) WHERE newest = 1;
  CREATE INDEX approvals_pending ON approvals (application, user_id) WHERE newest = 1 AND state = 'pending';
  CREATE INDEX approvals_by_fingerprint ON approvals (conversation, fingerprint, state) WHERE newest = 1;
  CREATE INDEX approvals_by_application ON approvals (application, id) WHERE newest = 1;
  `,
  `
  CREATE TABLE operator_tokens (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, serial INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE, hint TEXT NOT NULL,
    created_at INTEGER NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER, revoked_at INTEGER, mac TEXT NOT NULL,
    UNIQUE (person, serial)
  ) STRICT, WITHOUT ROWID;
  -- Why the gateway's own token gives no vote. Nobody noted which providers the calls of a log from before this went to.
  CREATE TABLE bootstrap_vote (one INTEGER PRIMARY KEY CHECK (one = 1), ended_by TEXT NOT NULL) STRICT;
  INSERT INTO bootstrap_vote SELECT 1, 'unknown_use' FROM log_head WHERE size > 0;
  `,
  `
  -- The hash of each full tile of the tree, under the level of the tile that has it; the start of a gateway computes those
  -- of the entries there are.
  CREATE TABLE tile_hashes (
    level INTEGER NOT NULL CHECK (level > 0), idx INTEGER NOT NULL CHECK (idx >= 0), hash BLOB NOT NULL,
    PRIMARY KEY (level, idx)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What has been over for long enough is removed; the index alone finds it.
  ALTER TABLE holds ADD COLUMN over_at INTEGER;
  CREATE INDEX holds_by_over_time ON holds (over_at, id) WHERE over_at IS NOT NULL;
  `,
  `
  -- Whether the note has the cosignatures of enough witnesses.
  ALTER TABLE checkpoints ADD COLUMN witnessed INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX checkpoints_witnessed ON checkpoints (size) WHERE witnessed = 1;
  `,
];
