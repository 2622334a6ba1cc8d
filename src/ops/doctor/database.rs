//! The database: does it keep what it is told, may we do our work and no more, is there room for what is written next?

use chrono::TimeDelta;

use super::Finding;
use crate::domain::Timestamp;
use crate::domain::skew::Skew;
use crate::store::doctor::{self, Partitions, Rights, Server};
use crate::store::pool::DatabasePool;
use crate::store::{StoreError, migrate};

/// The oldest that the tests run on.
const OLDEST: i32 = 15;

/// A daemon works up to some minutes; this is early enough to mend it.
const NOTICED: TimeDelta = TimeDelta::seconds(2);

/// `pool` is of `connections` at most, `at` the business time, and `now` what this machine's clock shows.
pub(super) async fn database(
    pool: &DatabasePool,
    connections: u32,
    at: Timestamp,
    now: impl Fn() -> Timestamp,
) -> Result<Vec<Finding>, StoreError> {
    match migrate::check(pool).await {
        Ok(()) => {}
        Err(problem) if problem.is_about_the_version() => {
            let fix = "`mandated migrate` of this version where the database is older, a newer daemon where it is newer";
            let found = problem.to_string();
            return Ok(vec![Finding::failed("migrations", found, fix)]);
        }
        Err(problem) => return Err(problem),
    }
    let mut findings = vec![Finding::ok("migrations", "this version's, all of them")];
    let asked = now();
    let server = doctor::server(pool).await?;
    findings.push(clock(&server, asked, now()));
    findings.extend(settings(&server));
    findings.push(room(&server, connections));
    findings.extend(rights(&server, &doctor::rights(pool).await?));
    findings.push(partitions(&doctor::partitions(pool, at).await?));
    Ok(findings)
}

/// Its answer is as old as the way back took.
fn clock(server: &Server, asked: Timestamp, answered: Timestamp) -> Finding {
    let apart = if server.time < asked {
        asked.signed_duration_since(server.time)
    } else {
        server
            .time
            .signed_duration_since(answered)
            .max(TimeDelta::zero())
    };
    let found = format!("{} ms from the database's", apart.num_milliseconds());
    if Skew::of(apart) == Skew::TooLarge {
        let found = format!("{found}: a daemon here plans and debits nothing");
        let fix = "correct the clock that is wrong, and set both by NTP";
        return Finding::failed("clock", found, fix);
    }
    if apart > NOTICED {
        let fix = "set both clocks by NTP: debits are planned by this machine's, leases by the database's";
        return Finding::warning("clock", found, fix);
    }
    Finding::ok("clock", found)
}

fn settings(server: &Server) -> Vec<Finding> {
    let about = "database";
    let mut findings = Vec::new();
    let Server {
        version,
        major,
        off,
        ..
    } = server;
    if *major < OLDEST {
        findings.push(Finding::failed(
            about,
            format!("PostgreSQL {version}"),
            format!("run PostgreSQL {OLDEST} or newer: no older one is tested"),
        ));
    } else {
        findings.push(Finding::ok(about, format!("PostgreSQL {version}")));
    }
    if server.is_read_only {
        findings.push(Finding::failed(
            about,
            "it is read-only",
            "let database.url lead to the primary, whose default_transaction_read_only is off",
        ));
    }
    for name in off {
        let (why, is_fatal) = match name.as_str() {
            "fsync" | "full_page_writes" => {
                ("a power cut can lose or spoil what was committed", true)
            }
            "synchronous_commit" => (
                "a crash can lose an intent that was committed before its debit",
                true,
            ),
            _ => ("dead rows stay, and the job table grows", false),
        };
        let found = format!("{name} is off: {why}");
        let fix = format!("alter system set {name} = on; select pg_reload_conf();");
        findings.push(if is_fatal {
            Finding::failed(about, found, fix)
        } else {
            Finding::warning(about, found, fix)
        });
    }
    findings
}

fn room(server: &Server, connections: u32) -> Finding {
    let wanted = i64::from(connections);
    let free = i64::from(server.connections).saturating_sub(server.connected);
    let found = format!(
        "{} of {} are taken, a daemon takes up to {connections}",
        server.connected, server.connections
    );
    if free < wanted {
        let fix = "raise max_connections of the server, or lower database.max_connections; each daemon has its own";
        return Finding::warning("connections", found, fix);
    }
    Finding::ok("connections", found)
}

fn rights(server: &Server, rights: &Rights) -> Vec<Finding> {
    let about = format!("role {}", server.role);
    let mut findings = Vec::new();
    if !rights.missing.is_empty() {
        let found = format!("it lacks {}", rights.missing.join(", "));
        let fix = "run deploy/sql/roles.sql as a superuser; after every `mandated migrate` it grants what is new";
        findings.push(Finding::failed(about.clone(), found, fix));
    }
    let mut too_much: Vec<String> = Vec::new();
    if server.is_superuser {
        too_much.push("is a superuser".to_owned());
    } else if server.may_change_schema {
        too_much.push("can change the schema".to_owned());
    }
    if !rights.rewritable.is_empty() {
        too_much.push(format!("can rewrite {}", rights.rewritable.join(", ")));
    }
    if !too_much.is_empty() {
        let fix = "let the daemon log in as mandated_app of deploy/sql/roles.sql, and only `mandated migrate` as mandated_owner";
        let found = format!("it {}", too_much.join(" and "));
        findings.push(Finding::warning(about.clone(), found, fix));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(about, "can do its work, and no more"));
    }
    findings
}

fn partitions(partitions: &Partitions) -> Finding {
    let Partitions { missing, late } = partitions;
    let about = "partitions";
    let fix = "let a daemon run, which makes them (retention.interval), or run `mandated migrate`; rows of months that are over stay \
               where they are, unharmed, until somebody moves them";
    if !late.is_empty() {
        let found = format!(
            "rows of {} are in the default partition, for theirs was not made in time",
            late.join(" and ")
        );
        return Finding::failed(about, found, fix);
    }
    if !missing.is_empty() {
        return Finding::warning(about, format!("{} are missing", missing.join(", ")), fix);
    }
    Finding::ok(about, "this month's and the next one's are there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::Grade;

    fn at(second: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(second, 0).unwrap()
    }

    fn sound() -> Server {
        Server {
            version: "15.4".to_owned(),
            major: 15,
            is_read_only: false,
            off: Vec::new(),
            connections: 97,
            connected: 10,
            role: "mandated_app".to_owned(),
            is_superuser: false,
            may_change_schema: false,
            time: at(100),
        }
    }

    #[test]
    fn a_clock_is_compared_with_the_time_between_the_question_and_the_answer() {
        for (asked, answered, grade) in [
            (99, 101, Grade::Ok),
            (100, 100, Grade::Ok),
            (98, 98, Grade::Ok),
            (90, 97, Grade::Warning),
            (103, 104, Grade::Warning),
            (-300, -210, Grade::Failed),
            (401, 402, Grade::Failed),
            // A slow answer says nothing about the clocks.
            (90, 200, Grade::Ok),
            (-300, 200, Grade::Ok),
        ] {
            let found = clock(&sound(), at(asked), at(answered));
            assert_eq!(found.grade, grade, "{asked} {answered}: {found:?}");
        }
    }

    #[test]
    fn a_server_that_forgets_or_cannot_be_written_fails_and_the_rest_is_a_warning() {
        let of = |server: &Server| {
            let all = settings(server);
            all.into_iter().map(|finding| finding.grade).max().unwrap()
        };
        assert_eq!(of(&sound()), Grade::Ok);
        for (name, grade) in [
            ("fsync", Grade::Failed),
            ("full_page_writes", Grade::Failed),
            ("synchronous_commit", Grade::Failed),
            ("autovacuum", Grade::Warning),
            ("track_counts", Grade::Warning),
        ] {
            let mut server = sound();
            server.off = vec![name.to_owned()];
            assert_eq!(of(&server), grade, "{name}");
        }
        let mut server = sound();
        server.is_read_only = true;
        assert_eq!(of(&server), Grade::Failed);
        let mut server = sound();
        server.major = 14;
        assert_eq!(of(&server), Grade::Failed);
        let mut server = sound();
        server.connected = 90;
        assert_eq!(room(&server, 10).grade, Grade::Warning);
        assert_eq!(room(&sound(), 10).grade, Grade::Ok);
    }
}
