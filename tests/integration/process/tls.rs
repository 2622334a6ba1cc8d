//! TLS with the database: errors about it say so, and a remote server without it is a warning.

use crate::support::process::Installation;

const REMOTE: &str = "postgres://mandated_app:pa55word@db.internal.invalid/merchant";

#[tokio::test]
async fn a_server_without_tls_is_not_said_to_be_down() {
    let mut installation = Installation::at("http://127.0.0.1:9").await;
    let url = format!("{}?sslmode=require", installation.database.url());
    installation.set("MANDATED__DATABASE__URL", &url);
    for command in [
        ["run"].as_slice(),
        &["mandates", "list"],
        &["doctor", "--offline"],
    ] {
        let output = installation.output(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            said.contains("by TLS") && said.contains("sslmode"),
            "{said}"
        );
        assert!(!said.contains("server running"), "{said}");
    }
}

#[tokio::test]
async fn check_config_and_doctor_warn_of_a_remote_database_without_tls() {
    let mut installation = Installation::at("http://127.0.0.1:9").await;
    for (options, warned) in [
        ("", Some("sslmode=prefer")),
        ("?sslmode=disable", Some("sslmode=disable")),
        ("?sslmode=allow", Some("sslmode=allow")),
        ("?sslmode=require", None),
        ("?sslmode=verify-full", None),
        ("?host=/run/postgresql", None),
    ] {
        installation.set("MANDATED__DATABASE__URL", &format!("{REMOTE}{options}"));
        let checked = installation.output(&["check-config"]);
        assert!(checked.status.success());
        let warning = String::from_utf8(checked.stderr).unwrap();
        let looked = installation.output(&["doctor", "--offline"]);
        let looked = String::from_utf8(looked.stdout).unwrap();
        for said in [&warning, &looked] {
            let words = warned.unwrap_or("without TLS");
            assert_eq!(said.contains(words), warned.is_some(), "{options}: {said}");
            assert!(!said.contains("pa55word"), "{said}");
        }
    }
    let here = Installation::at("http://127.0.0.1:9").await;
    assert!(here.output(&["check-config"]).stderr.is_empty());
}
