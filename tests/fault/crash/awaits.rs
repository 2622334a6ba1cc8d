//! Every await between claim and commit has its points: the source is read for those that have none, and for points that no story
//! comes by.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use super::{everywhere, lanes, rescued};

/// The way from claim to commit: files, and folders with all that is in them.
const WAY: [&str; 14] = [
    "src/engine/account_pause.rs",
    "src/engine/job",
    "src/engine/lane.rs",
    "src/engine/planner.rs",
    "src/engine/rescue.rs",
    "src/engine/settler.rs",
    "src/provider/http.rs",
    "src/provider/juspay",
    "src/provider/mod.rs",
    "src/provider/signzy",
    "src/store/accounts.rs",
    "src/store/claim.rs",
    "src/store/rescue.rs",
    "src/store/settle.rs",
];

/// What may be awaited there without points: where, the end of what is called, why.
const WITHOUT: &str = "
src/engine/job        | record_counter         | has its points in src/store/settle.rs
src/engine/job        | poll_fn                | polls the call, which has points of its own
src/engine/job        | client.notify          | has its points in src/provider/http.rs
src/engine/job        | .notification_status   | has its points in src/provider/http.rs
src/engine/lane.rs    | claim_due              | has its points in src/store/claim.rs
src/engine/lane.rs    | server.end             | commits what claim_due did, behind a pooler; nothing is called before it
src/engine/lane.rs    | with_request_id        | is around job::run, which has its points in src/engine/job
src/engine/lane.rs    | time::sleep            | waits until something is due
src/engine/lane.rs    | receiver.woken         | waits until something is due
src/engine/lane.rs    | .cancelled             | waits for the end
src/engine/lane.rs    | .shutdown              | is the end
src/engine/lane.rs    | .join_next             | waits for jobs, which have points of their own
src/engine/lane.rs    | limiter.acquire        | waits for a place: nothing is claimed for it yet
src/engine/lane.rs    | changes.changed        | waits for a share: nothing is claimed yet
src/engine/lane.rs    | database.failed        | says what is wrong with the database
src/engine/lane.rs    | health.pause           | waits until the database is back
src/engine/lane.rs    | health.room            | waits until the database is back
src/engine/lane.rs    | database.within        | is around a statement that has its points in src/store/claim.rs
src/engine/job        | database.within        | is around a statement that has its points in src/store/settle.rs
src/engine/rescue.rs  | rescue_expired         | has its points in src/store/rescue.rs
src/engine/settler.rs | store::settle::settle  | has its points in src/store/settle.rs
src/engine/settler.rs | pause_account          | has its points in src/store/accounts.rs
src/engine/account_pause.rs | database.within  | is around a statement that has its points in src/store/accounts.rs
src/engine/settler.rs | database.within        | is around statements: settle has its points in src/store/settle.rs, the others only read
src/engine/settler.rs | database.failed        | says what is wrong with the database
src/engine/settler.rs | health.pause           | waits until the database is back
src/engine/settler.rs | time::sleep_until      | waits until a lock may be gone
src/engine/settler.rs | held.take              | has its points below
src/engine/settler.rs | writing                | is the loop, which has points of its own
src/engine/settler.rs | time::timeout          | the same, with an end
src/engine/settler.rs | .cancelled             | waits for the end
src/provider/http.rs  | client.execute         | is what the points of `send` are around
src/provider/juspay   | self.http.send         | has its points in src/provider/http.rs
src/provider/juspay   | self.http.send_before  | has its points in src/provider/http.rs
src/provider/mod.rs   | client.notify          | is the call of a client in the folders beside it
src/provider/mod.rs   | client.notification_status | is the call of a client in the folders beside it
src/provider/mod.rs   | client.execute         | is the call of a client in the folders beside it
src/provider/mod.rs   | client.look_up         | is the call of a client in the folders beside it
src/provider/mod.rs   | client.payments        | is the call of a client in the folders beside it
src/provider/mod.rs   | client.retry           | is the call of a client in the folders beside it
src/provider/mod.rs   | client.mandate_status  | is the call of a client in the folders beside it
src/provider/mod.rs   | client.cancel_order    | is the call of a client in the folders beside it
src/provider/mod.rs   | client.command         | is the call of a client in the folders beside it
src/provider/mod.rs   | client.probe           | is the call of a client in the folders beside it
src/provider/signzy   | self.http.send         | has its points in src/provider/http.rs
src/provider/signzy   | self.http.send_before  | has its points in src/provider/http.rs
src/store/rescue.rs   | .fetch_all             | is inside of lock_expired, which has points around it
src/store/rescue.rs   | .execute               | is inside of write, which has points around it
src/store/accounts.rs | .fetch_one             | ends a pause, after a call
src/store/accounts.rs | .fetch_optional        | only reads
src/engine/job        | client.probe           | has its points in src/provider/http.rs
src/engine/job        | refusal.lock           | waits for who asks already: its call has points of its own";

/// Something that is awaited: in which line, what is called, and the name of its points if it has them.
#[derive(Debug, PartialEq, Eq)]
struct Await {
    line: usize,
    called: String,
    name: Option<String>,
}

/// Everything that a file awaits, in branches of `select!` too. Its tests are left out.
fn awaits(text: &str) -> Vec<Await> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let comment = Regex::new(r"//[^\n]*").unwrap();
    let code = comment.replace_all(code, "");
    let ends = code.match_indices(".await").map(|(end, _)| end);
    let ends: BTreeSet<usize> = ends.chain(branches(&code)).collect();
    ends.into_iter().map(|end| called(&code, end)).collect()
}

/// The ends of the futures that are awaited by a `select!`: what stands before ` =>`, or before the `, if` of it.
fn branches(code: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    for start in Regex::new(r"select!\s*\{").unwrap().find_iter(code) {
        let mut depth = 1;
        for (offset, letter) in code[start.end()..].char_indices() {
            let (at, rest) = (start.end() + offset, &code[start.end() + offset..]);
            depth += i32::from("([{".contains(letter)) - i32::from(")]}".contains(letter));
            if depth == 0 {
                break;
            }
            if depth == 1 && rest.starts_with("=>") {
                let branch = code[..at].rfind(" = ").unwrap();
                let condition = code[branch..at].find(", if ").map(|found| branch + found);
                ends.push(condition.unwrap_or(at));
            }
        }
    }
    ends
}

/// What is called by the expression that ends at `end`.
fn called(code: &str, end: usize) -> Await {
    let line = code[..end].matches('\n').count() + 1;
    let expression = code[..end].trim_end();
    let mut depth = 0;
    let open = expression.char_indices().rev().find(|(_, letter)| {
        depth += i32::from(*letter == ')') - i32::from(*letter == '(');
        depth == 0
    });
    // What is not called is named: a variable.
    let open = match open {
        Some((open, _)) if expression.ends_with(')') => open,
        _ => expression.len(),
    };
    // A chain of calls may be broken over lines.
    let before = Regex::new(r"\s*\.\s*")
        .unwrap()
        .replace_all(&expression[..open], ".");
    let name = before.rfind(|letter: char| !(letter.is_alphanumeric() || "_:.".contains(letter)));
    let called = before[name.map_or(0, |name| name + 1)..].to_owned();
    let points = Regex::new(r#"^\(\s*"([a-z_.]+)""#).unwrap();
    let name = points
        .captures(&expression[open..])
        .filter(|_| called == "around");
    Await {
        line,
        called,
        name: name.map(|name| name[1].to_owned()),
    }
}

/// The functions of a text that are awaited where they are called, and have their points inside.
fn own(text: &str) -> BTreeSet<String> {
    let asynchronous = Regex::new(r"async fn ([a-z_]+)").unwrap();
    let found = asynchronous.captures_iter(text);
    found.map(|found| found[1].to_owned()).collect()
}

/// What a file awaits without points, and without a reason.
fn bare(path: &str, text: &str, own: &BTreeSet<String>) -> Vec<String> {
    let mut found = awaits(text);
    found.retain(|found| {
        let function = found
            .called
            .trim_start_matches("self.")
            .trim_start_matches("run.");
        let mut reasons = WITHOUT
            .trim_start()
            .lines()
            .map(|line| line.split('|').map(str::trim));
        found.name.is_none()
            && !own.contains(function)
            && !reasons.any(|mut line| {
                path.starts_with(line.next().unwrap())
                    && found.called.ends_with(line.next().unwrap())
            })
    });
    found
        .iter()
        .map(|found| format!("{path}:{}: {} has no points", found.line, found.called))
        .collect()
}

/// The files of a place on the way.
fn files(place: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| {
        (
            name.to_owned(),
            fs::read_to_string(root.join(name)).unwrap(),
        )
    };
    if root.join(place).is_file() {
        return vec![read(place)];
    }
    let entries = fs::read_dir(root.join(place)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| read(&format!("{place}/{name}"))).collect()
}

#[test]
fn every_await_has_points_before_and_after_it() {
    let mut found = Vec::new();
    for place in WAY {
        let files = files(place);
        let own = files.iter().flat_map(|(_, text)| own(text)).collect();
        found.extend(files.iter().flat_map(|(path, text)| bare(path, text, &own)));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn at_every_point_a_daemon_is_killed() {
    let texts = WAY.iter().flat_map(|place| files(place));
    let awaited: Vec<_> = texts.flat_map(|(_, text)| awaits(&text)).collect();
    let points: BTreeSet<&str> = awaited
        .iter()
        .filter_map(|found| found.name.as_deref())
        .collect();
    let stories = everywhere::STORIES
        .iter()
        .flat_map(|scenario| scenario.awaits);
    let killed = stories.chain(&rescued::AWAITS).chain(&lanes::AWAITS);
    assert_eq!(points, killed.copied().collect());
}

#[test]
fn a_new_await_is_found() {
    let text = r#"
        async fn settle() { around("settle", written(1)).await; nothing(); }
        // forgotten().await
        async fn run(pool: &PgPool) {
            settle().await?;
            sqlx::query("")
                .execute(pool)
                .await?;
            tokio::select! {
                () = tokio::time::sleep_until(nap) => read(draw().await),
                Some(_) = self.running.next(), if !self.running.is_empty() => {}
                done = call => Ok(done),
            }
        }
        #[cfg(test)]
        mod tests { fn f() { late().await } }"#;
    assert_eq!(awaits(text)[0].name.as_deref(), Some("settle"));
    assert_eq!(
        bare("src/engine/settler.rs", text, &own(text)),
        [
            "src/engine/settler.rs:8: .execute has no points",
            "src/engine/settler.rs:10: draw has no points",
            "src/engine/settler.rs:11: self.running.next has no points",
            "src/engine/settler.rs:12: call has no points",
        ]
    );
}
