//! The statements.

use ::postgres::Transaction;

use super::copy::Kind;
use crate::postgres::Failed;
use crate::publish::edition::Edition;
use crate::publish::record::{Position, Record};
use crate::results::Ancestor;

type Done<T> = Result<T, Failed>;

/// Whom a lock of this number keeps off is a publisher of segmill: "segm" in ASCII.
const LOCK: i32 = 0x7365_676d;

/// A time as RFC 3339 has it.
const WHEN: &str = r#"to_char("when" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#;

/// A schema by its name in double quotes.
pub struct Schema {
    name: String,
    quoted: String,
}

impl Schema {
    pub fn called(name: &str) -> Schema {
        Schema { name: name.into(), quoted: format!("\"{}\"", name.replace('"', "\"\"")) }
    }

    /// `SCHEMA` in a statement is this schema.
    fn sql(&self, text: &str) -> String {
        text.replace("SCHEMA", &self.quoted)
    }

    /// Waits for other publishers, makes what is not there, and returns the last publication.
    pub fn prepare(&self, transaction: &mut Transaction<'_>) -> Done<Option<Record>> {
        // A server that has lost this client is to notice while it works: the next publisher waits for it.
        transaction.batch_execute(
            "SET LOCAL client_min_messages = warning; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL row_security = off",
        )?;
        if self.server_version(transaction)? >= 140_000 {
            transaction.batch_execute("SET LOCAL client_connection_check_interval = '5s'")?;
        }
        transaction.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&LOCK, &self.name])?;
        let is_there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        if !transaction.query_one(is_there, &[&self.name])?.get::<_, bool>(0) {
            transaction.batch_execute(&format!("CREATE SCHEMA {}", self.quoted))?;
        }
        // All tables are there, or none.
        let is_there = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'publications')";
        if !transaction.query_one(is_there, &[&self.name])?.get::<_, bool>(0) {
            transaction.batch_execute(&self.sql(TABLES))?;
        }
        self.last(transaction)
    }

    fn server_version(&self, transaction: &mut Transaction<'_>) -> Done<i32> {
        Ok(transaction.query_one("SELECT current_setting('server_version_num')::int", &[])?.get(0))
    }

    fn last(&self, transaction: &mut Transaction<'_>) -> Done<Option<Record>> {
        let last = format!(
            "SELECT publication, {WHEN}, content, model, lineage::text, state, batch, users, changes, segmill
             FROM SCHEMA.publications ORDER BY publication DESC LIMIT 1"
        );
        let Some(row) = transaction.query_opt(&self.sql(&last), &[])? else { return Ok(None) };
        let number = |at: usize| row.get::<_, i64>(at) as u64;
        let live = row.get::<_, Option<String>>(5).zip(row.get::<_, Option<i64>>(6));
        Ok(Some(Record {
            publication: number(0),
            when: row.get(1),
            content: row.get(2),
            model: row.get(3),
            lineage: lineage(row.get(4)),
            live: live.map(|(state, batch)| Position { state, batch: batch as u64 }),
            users: number(7),
            changes: number(8),
            segmill: row.get(9),
        }))
    }

    /// What the column of users holds. Where that is numbers and users are none, it becomes text.
    pub fn make_room(&self, transaction: &mut Transaction<'_>, numeric: bool) -> Done<Kind> {
        let columns = "SELECT data_type = 'bigint' FROM information_schema.columns
                       WHERE table_schema = $1 AND table_name = 'memberships' AND column_name = 'user'";
        let is_numeric: bool = transaction.query_one(columns, &[&self.name])?.get(0);
        let is_first = "SELECT NOT EXISTS (SELECT FROM SCHEMA.publications)";
        let is_first: bool = transaction.query_one(&self.sql(is_first), &[])?.get(0);
        let becomes = match (is_numeric, numeric) {
            (true, false) => "text",
            (false, true) if is_first => "bigint",
            _ => return Ok(if is_numeric { Kind::Number } else { Kind::Text }),
        };
        for table in ["memberships", "changes"] {
            let alter =
                format!(r#"ALTER TABLE SCHEMA.{table} ALTER COLUMN "user" TYPE {becomes} USING "user"::{becomes}"#);
            transaction.batch_execute(&self.sql(&alter))?;
        }
        Ok(if becomes == "text" { Kind::Text } else { Kind::Number })
    }

    /// A `COPY` of all into a table that is empty.
    pub fn copy_into_memberships(&self) -> String {
        self.sql(r#"COPY SCHEMA.memberships ("user", segment) FROM STDIN BINARY"#)
    }

    /// Makes room for who is to be where. Returns the `COPY` of them.
    pub fn expect(&self, transaction: &mut Transaction<'_>, kind: Kind) -> Done<&'static str> {
        let kind = match kind {
            Kind::Number => "bigint",
            Kind::Text => "text",
        };
        let tables = r#"CREATE TEMPORARY TABLE segmill_incoming ("user" KIND NOT NULL, segment integer) ON COMMIT DROP;
                        CREATE TEMPORARY TABLE segmill_changes ("user" KIND PRIMARY KEY, "from" integer, "to" integer) ON COMMIT DROP"#;
        transaction.batch_execute(&tables.replace("KIND", kind))?;
        Ok(r#"COPY segmill_incoming ("user", segment) FROM STDIN BINARY"#)
    }

    /// Finds who is elsewhere, where all are incoming. Returns how many.
    pub fn differ(&self, transaction: &mut Transaction<'_>, renewed: &[i32]) -> Done<u64> {
        transaction.batch_execute("ANALYZE segmill_incoming")?;
        let differ = r#"INSERT INTO segmill_changes
            SELECT "user", m.segment, i.segment FROM segmill_incoming i FULL JOIN SCHEMA.memberships m USING ("user")
            WHERE m.segment IS DISTINCT FROM i.segment OR i.segment = ANY ($1)"#;
        Ok(transaction.execute(&self.sql(differ), &[&renewed])?)
    }

    /// Finds who is elsewhere, where those are incoming who changed. Returns how many.
    pub fn move_on(&self, transaction: &mut Transaction<'_>, renewed: &[i32]) -> Done<u64> {
        transaction.batch_execute("ANALYZE segmill_incoming")?;
        let moved = r#"INSERT INTO segmill_changes
            SELECT "user", m.segment, i.segment FROM segmill_incoming i LEFT JOIN SCHEMA.memberships m USING ("user")
            WHERE m.segment IS DISTINCT FROM i.segment OR i.segment = ANY ($1)"#;
        let moved = transaction.execute(&self.sql(moved), &[&renewed])?;
        if renewed.is_empty() {
            return Ok(moved);
        }
        let stayed = r#"INSERT INTO segmill_changes SELECT m."user", m.segment, m.segment FROM SCHEMA.memberships m
            WHERE m.segment = ANY ($1) AND NOT EXISTS (SELECT FROM segmill_incoming i WHERE i."user" = m."user")"#;
        Ok(moved + transaction.execute(&self.sql(stayed), &[&renewed])?)
    }

    /// Sizes after the changes, from those before.
    pub fn sizes(&self, transaction: &mut Transaction<'_>, n_segments: usize) -> Done<Vec<u64>> {
        let sizes = r#"SELECT number, sum(size)::bigint FROM (
            SELECT number, size FROM SCHEMA.segments
            UNION ALL SELECT "to", 1 FROM segmill_changes WHERE "to" IS NOT NULL
            UNION ALL SELECT "from", -1 FROM segmill_changes WHERE "from" IS NOT NULL) AS all_of_them GROUP BY number"#;
        let mut found = vec![0; n_segments];
        for row in transaction.query(&self.sql(sizes), &[])? {
            if let Some(size) = found.get_mut(row.get::<_, i32>(0) as usize) {
                *size = row.get::<_, i64>(1) as u64;
            }
        }
        Ok(found)
    }

    /// Makes the changes that were found, and keeps them.
    pub fn apply(&self, transaction: &mut Transaction<'_>, publication: u64) -> Done<()> {
        transaction.batch_execute("ANALYZE segmill_changes")?;
        let kept = r#"INSERT INTO SCHEMA.changes (publication, "user", "from", "to", "when")
                      SELECT $1, "user", "from", "to", now() FROM segmill_changes"#;
        transaction.execute(&self.sql(kept), &[&(publication as i64)])?;
        let gone =
            r#"DELETE FROM SCHEMA.memberships m USING segmill_changes c WHERE m."user" = c."user" AND c."to" IS NULL"#;
        transaction.execute(&self.sql(gone), &[])?;
        let come = r#"INSERT INTO SCHEMA.memberships AS m ("user", segment, since)
            SELECT "user", "to", now() FROM segmill_changes WHERE "to" IS NOT NULL
            ON CONFLICT ("user") DO UPDATE SET segment = excluded.segment, since = excluded.since"#;
        transaction.execute(&self.sql(come), &[])?;
        Ok(())
    }

    /// `profiles` are JSON.
    pub fn set_segments(
        &self,
        transaction: &mut Transaction<'_>,
        edition: &Edition,
        sizes: &[u64],
        profiles: &[String],
    ) -> Done<()> {
        transaction.execute(&self.sql("DELETE FROM SCHEMA.segments"), &[])?;
        let insert = "INSERT INTO SCHEMA.segments (number, name, size, profile) VALUES ($1, $2, $3, $4::text::jsonb)";
        let insert = transaction.prepare(&self.sql(insert))?;
        for (number, ((segment, &size), profile)) in (0i32..).zip(edition.segments.iter().zip(sizes).zip(profiles)) {
            transaction.execute(&insert, &[&number, &segment.name, &(size as i64), profile])?;
        }
        Ok(())
    }

    /// Keeps a record of the publication. Returns when it is.
    pub fn note(&self, transaction: &mut Transaction<'_>, record: &Record) -> Done<String> {
        let insert = format!(
            "INSERT INTO SCHEMA.publications
             (publication, \"when\", content, model, lineage, state, batch, users, changes, segmill)
             VALUES ($1, now(), $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9) RETURNING {WHEN}"
        );
        let lineage = serde_json::to_string(&record.lineage).expect("a lineage serialises");
        let state = record.live.as_ref().map(|live| live.state.as_str());
        let batch = record.live.as_ref().map(|live| live.batch as i64);
        let [publication, users, changes] = [record.publication, record.users, record.changes].map(|n| n as i64);
        let row = transaction.query_one(
            &self.sql(&insert),
            &[
                &publication,
                &record.content,
                &record.model,
                &lineage,
                &state,
                &batch,
                &users,
                &changes,
                &record.segmill,
            ],
        )?;
        Ok(row.get(0))
    }
}

/// The lineage as it lies in the table.
fn lineage(json: &str) -> Vec<Ancestor> {
    serde_json::from_str(json).unwrap_or_default()
}

const TABLES: &str = r#"
    CREATE TABLE SCHEMA.segments (number integer PRIMARY KEY, name text NOT NULL, size bigint NOT NULL, profile jsonb NOT NULL);
    CREATE TABLE SCHEMA.memberships
        ("user" bigint PRIMARY KEY, segment integer NOT NULL, since timestamptz NOT NULL DEFAULT now());
    CREATE INDEX memberships_segment ON SCHEMA.memberships (segment);
    CREATE TABLE SCHEMA.changes
        (publication bigint, "user" bigint, "from" integer, "to" integer, "when" timestamptz NOT NULL,
         PRIMARY KEY (publication, "user"));
    CREATE TABLE SCHEMA.publications
        (publication bigint PRIMARY KEY, "when" timestamptz NOT NULL, content text NOT NULL, model text NOT NULL,
         lineage jsonb NOT NULL, state text, batch bigint, users bigint NOT NULL, changes bigint NOT NULL, segmill text NOT NULL);
"#;
