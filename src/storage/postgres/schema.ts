// The tables, as migrations in order. A released migration never changes; a new one is added at the end. How many were
// applied is in `schema_version`.

export const migrations: readonly string[] = [
  `
  -- One row each: what the log is called, its right edge, and who signs. Rows that every group rewrites have room to be
  -- rewritten in their own page.
  CREATE TABLE log_identity (one boolean PRIMARY KEY CHECK (one), origin text NOT NULL, vkey text NOT NULL);
  CREATE TABLE log_head (
    one boolean PRIMARY KEY CHECK (one), epoch bigint NOT NULL, size bigint NOT NULL, frontier bytea NOT NULL,
    open_from bigint NOT NULL
  ) WITH (fillfactor = 10);
  INSERT INTO log_head VALUES (true, 0, 0, '', 0);
  CREATE TABLE log_signer (one boolean PRIMARY KEY CHECK (one), epoch bigint);
  INSERT INTO log_signer VALUES (true, NULL);

  -- Who writes, a row for each start of a gateway. \`commits\` counts its transactions, so that it can find out what became
  -- of one whose answer was lost. An instance that has ended never writes again; what it left open is completed by the
  -- instance in \`heir\`, and then it is settled.
  CREATE TABLE instances (
    epoch bigint PRIMARY KEY, name text NOT NULL, commits bigint NOT NULL DEFAULT 0,
    heartbeat timestamptz NOT NULL DEFAULT clock_timestamp(), open_from bigint NOT NULL,
    ended_at timestamptz, heir bigint, settled_at timestamptz
  ) WITH (fillfactor = 50);

  CREATE TABLE entries (idx bigint PRIMARY KEY, id uuid NOT NULL UNIQUE, leaf bytea NOT NULL);
  CREATE TABLE salts (id uuid PRIMARY KEY, subject text NOT NULL, salt bytea NOT NULL);
  CREATE TABLE checkpoints (
    size bigint PRIMARY KEY, root bytea NOT NULL, note text NOT NULL, frontier bytea NOT NULL, made_at bigint NOT NULL
  );
  CREATE INDEX checkpoints_by_time ON checkpoints (made_at);

  CREATE TABLE subjects (
    id text PRIMARY KEY, kind text NOT NULL, lookup bytea NOT NULL UNIQUE, name bytea NOT NULL, wrapped_key bytea NOT NULL
  );
  CREATE TABLE payloads (
    entry text COLLATE "C" NOT NULL, field text COLLATE "C" NOT NULL, subject text NOT NULL, ciphertext bytea NOT NULL, PRIMARY KEY (entry, field)
  );
  -- Ciphertext does not compress.
  ALTER TABLE payloads ALTER ciphertext SET STORAGE EXTERNAL;
  -- Values that show at start whether the keys at hand are those that the data was sealed under.
  CREATE TABLE key_checks (name text PRIMARY KEY, value bytea NOT NULL);

  CREATE TABLE api_keys (
    id text PRIMARY KEY, application text NOT NULL, hash text NOT NULL UNIQUE, hint text NOT NULL,
    created_at bigint NOT NULL, created_by text NOT NULL, expires_at bigint, revoked_at bigint, mac text NOT NULL
  );
  CREATE TABLE secrets (
    name text NOT NULL, version bigint NOT NULL, key_id text NOT NULL, wrapped_key bytea NOT NULL,
    ciphertext bytea NOT NULL, created_at bigint NOT NULL, destroyed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (name, version)
  );
  CREATE TABLE policy_revisions (revision text PRIMARY KEY, content text NOT NULL, activated_at bigint NOT NULL);
  CREATE TABLE active_revision (one boolean PRIMARY KEY CHECK (one), revision text NOT NULL);
  -- Moves with every change that other gateways have to see.
  CREATE TABLE changes (what text PRIMARY KEY, count bigint NOT NULL);
  INSERT INTO changes VALUES ('keys', 0), ('secrets', 0), ('policies', 0);

  CREATE TABLE usage_position (one boolean PRIMARY KEY CHECK (one), position bigint NOT NULL);
  INSERT INTO usage_position VALUES (true, 0);
  CREATE TABLE usage (
    day text NOT NULL, application text NOT NULL, user_id text NOT NULL, model text NOT NULL,
    calls bigint NOT NULL, refused bigint NOT NULL, input_tokens bigint NOT NULL, cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL, estimated bigint NOT NULL, cost_micro_usd bigint NOT NULL, unpriced bigint NOT NULL,
    PRIMARY KEY (day, application, user_id, model)
  );

  -- Holds nothing: transactions that count or claim lock it, so that they come one after the other.
  CREATE TABLE claims ();

  -- What policies are decided on: by window and when it began, so that those that are over are one range.
  CREATE TABLE counters (
    window_kind text COLLATE "C" NOT NULL, start bigint NOT NULL, kind text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
    requests bigint NOT NULL, tokens bigint NOT NULL, micro_usd bigint NOT NULL, unpriced bigint NOT NULL,
    PRIMARY KEY (window_kind, start, kind, name)
  ) WITH (fillfactor = 50);
  -- What calls hold of them that the log has not been counted for; \`counters\` is JSON.
  CREATE TABLE reservations (
    call text COLLATE "C" PRIMARY KEY, holder text NOT NULL, at bigint NOT NULL, counters text NOT NULL,
    requests bigint NOT NULL, tokens bigint NOT NULL, micro_usd bigint NOT NULL, unpriced bigint NOT NULL
  );
  `,
  `
  -- What waits for people. What is sealed does not compress.
  CREATE TABLE holds (
    id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, call text NOT NULL, application text NOT NULL,
    attach_key text COLLATE "C" NOT NULL, created_at bigint NOT NULL, due_at bigint, record text NOT NULL, mac text NOT NULL,
    content bytea NOT NULL
  );
  ALTER TABLE holds ALTER content SET STORAGE EXTERNAL;
  CREATE INDEX holds_by_attach_key ON holds (attach_key, created_at, id);
  CREATE INDEX holds_by_due_time ON holds (due_at, id) WHERE due_at IS NOT NULL;
  -- \`newest\`: the last revision of each, which is the only one that is listed and counted.
  CREATE TABLE approvals (
    id text COLLATE "C" NOT NULL, revision bigint NOT NULL, hold text COLLATE "C" NOT NULL, state text COLLATE "C" NOT NULL,
    user_id text COLLATE "C", application text COLLATE "C" NOT NULL, conversation text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL, created_at bigint NOT NULL, record text NOT NULL, newest boolean NOT NULL,
    content bytea NOT NULL, PRIMARY KEY (id, revision)
  );
  ALTER TABLE approvals ALTER content SET STORAGE EXTERNAL;
  CREATE INDEX approvals_by_hold ON approvals (hold, id, revision);
  CREATE INDEX approvals_by_state ON approvals (state, id) WHERE newest;
  CREATE INDEX approvals_pending ON approvals (application, user_id) WHERE newest AND state = 'pending';
  CREATE INDEX approvals_by_fingerprint ON approvals (conversation, fingerprint, state) WHERE newest;
  CREATE INDEX approvals_by_application ON approvals (application, id) WHERE newest;
  INSERT INTO changes VALUES ('approvals', 0);
  `,
  `
  CREATE TABLE operator_tokens (
    id text PRIMARY KEY, person text COLLATE "C" NOT NULL, serial bigint NOT NULL, hash text NOT NULL UNIQUE, hint text NOT NULL,
    created_at bigint NOT NULL, created_by text NOT NULL, expires_at bigint, revoked_at bigint, mac text NOT NULL,
    UNIQUE (person, serial)
  );
  -- Why a gateway's own token gives no vote. Nobody noted which providers the calls of a log from before this went to.
  CREATE TABLE bootstrap_vote (one boolean PRIMARY KEY CHECK (one), ended_by text NOT NULL);
  INSERT INTO bootstrap_vote SELECT true, 'unknown_use' FROM log_head WHERE size > 0;
  INSERT INTO changes VALUES ('operators', 0);
  `,
  `
  -- The hash of each full tile of the tree, under the level of the tile that has it; the start of a gateway computes those
  -- of the entries there are.
  CREATE TABLE tile_hashes (
    level int NOT NULL CHECK (level > 0), idx bigint NOT NULL CHECK (idx >= 0), hash bytea NOT NULL, PRIMARY KEY (level, idx)
  );
  `,
  `
  -- What has been over for long enough is removed.
  ALTER TABLE holds ADD COLUMN over_at bigint;
  CREATE INDEX holds_by_over_time ON holds (over_at, id) WHERE over_at IS NOT NULL;
  `,
  `
  -- Whether the note has the cosignatures of enough witnesses.
  ALTER TABLE checkpoints ADD COLUMN witnessed boolean NOT NULL DEFAULT false;
  CREATE INDEX checkpoints_witnessed ON checkpoints (size) WHERE witnessed;
  `,
];
