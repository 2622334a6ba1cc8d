//! What a provider or a merchant wrote reaches a terminal as nothing but text.

use std::collections::BTreeSet;

use crate::support::due::execute;
use crate::support::process::Installation;
use crate::support::row;

/// Clears the screen, rings, begins a line of its own, and turns the rest around.
const HOSTILE: &str =
    "said \u{1b}[2J\u{7}\r\nFORGED line\u{9b}31m\u{202e}\u{2066}\u{feff}\u{2028}end\u{e0001}";

const LISTS: &[&[&str]] = &[
    &["mandates", "list"],
    &["mandates", "show", "sub-1"],
    &["executions", "list"],
    &["executions", "show", "1"],
    &["accounts", "list"],
    &["jobs"],
    &["rails", "list"],
    &["classify", "--unmapped"],
    &["classify", "--unmapped", "--rules"],
    &["audit"],
    &["doctor", "--offline"],
];

/// Not by the program's own lists: by what terminals obey and editors hide.
fn assert_only_text(what: &str, text: &str) {
    let moves = |c: &char| {
        matches!(c, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    assert_eq!(text.chars().find(moves), None, "{what}: {text:?}");
    let forged = text.lines().find(|line| line.starts_with("FORGED"));
    assert_eq!(forged, None, "{what}: {text}");
}

/// One of everything, with hostile words wherever a provider or a person may have put some; in how many places it is.
async fn filled() -> (Installation, u64) {
    let installation = Installation::at("http://127.0.0.1:9").await;
    installation.works(&["migrate"]);
    let pool = &installation.database.pool;
    let attempt = row::attempt()
        .with("class", "'unmapped'")
        .with("outcome", "'failed'")
        .with("at", "now()");
    for row in [
        row::mandate(),
        row::policy(),
        row::execution(),
        row::job(),
        attempt,
        row::resolution(),
        row::operator_request(),
    ] {
        row.insert(pool).await.unwrap();
    }
    execute(
        pool,
        "insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, reason)
         values (now(), 'execution.failed', 1, 'sub-1', 1, 'x'), (now(), 'mandate.paused', 1, 'sub-1', null, 'x')",
    )
    .await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text
           from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
          where table_schema = 'mandated' and data_type = 'text' and table_type = 'BASE TABLE'
            and table_name !~ '^_sqlx|_[0-9]{6}$' and column_name not in ('ref', 'rail', 'kind', 'state', 'class', 'time_zone')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut hostile = 0;
    for (table, column) in columns {
        let sql = format!("update mandated.{table} set {column} = $1");
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(HOSTILE)
            .execute(pool)
            .await;
        // A column whose constraint holds it to a form refuses: what cannot be stored is not printed.
        hostile += done.map_or(0, |done| done.rows_affected());
    }
    (installation, hostile)
}

#[tokio::test]
async fn no_command_prints_anything_that_a_terminal_obeys() {
    let (installation, hostile) = filled().await;
    assert!(hostile > 12, "only {hostile} texts took it");
    let (mut said, mut failed) = (BTreeSet::new(), String::new());
    for list in LISTS {
        for format in [&[][..], &["--json"]] {
            let command = [list, format].concat();
            let output = installation.output(&command);
            let out = String::from_utf8(output.stdout).unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            assert_only_text(&format!("{command:?}"), &out);
            assert_only_text(&format!("{command:?}, standard error"), &err);
            failed.push_str(&err);
            if out.contains("FORGED") {
                said.insert(command.join(" "));
            }
        }
    }
    // The words are there, as text.
    for list in [
        "executions list",
        "executions show 1",
        "executions show 1 --json",
        "mandates show sub-1",
        "classify --unmapped",
        "classify --unmapped --json",
        "classify --unmapped --rules",
    ] {
        assert!(
            said.contains(list),
            "{list} is not among {said:?}: {failed}"
        );
    }
}

#[tokio::test]
async fn rules_from_hostile_words_are_one_rule_with_those_words() {
    let (installation, _) = filled().await;
    execute(
        &installation.database.pool,
        "update mandated.attempts set code = null",
    )
    .await;
    let rules = installation.works(&["classify", "--unmapped", "--rules"]);
    let read: toml::Table = rules.parse().unwrap();
    let read = read["rule"].as_array().unwrap();
    assert_eq!(read.len(), 1, "{rules}");
    assert_eq!(read[0]["message"].as_str(), Some(HOSTILE));
}
