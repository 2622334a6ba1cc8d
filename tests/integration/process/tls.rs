//! TLS with the database: errors about it say so, and a remote server without it is a warning.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use lab::postgres::PrivatePostgres;
use sqlx::{Connection, PgConnection};

use crate::support::process::Installation;
use crate::support::running::until;

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

/// A certificate as `openssl req -new` and `openssl x509 -req` made them for long: X.509 version 1. And its key, which guards nothing.
const VERSION_1: [(&str, &str); 2] = [
    ("server.crt", include_str!("data/version_1.crt")),
    ("server.key", include_str!("data/version_1.key")),
];

/// A server with a certificate of that form.
async fn server_of_long_ago() -> PrivatePostgres {
    let postgres = PrivatePostgres::start(false).unwrap();
    let mut psql = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    let folder: String = sqlx::query_scalar("show data_directory")
        .fetch_one(&mut psql)
        .await
        .unwrap();
    let folder = PathBuf::from(folder);
    let owner = fs::metadata(&folder).unwrap();
    for (name, text) in VERSION_1 {
        let file: &Path = &folder.join(name);
        fs::write(file, text).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    for statement in ["alter system set ssl = on", "select pg_reload_conf()"] {
        sqlx::query(statement).execute(&mut psql).await.unwrap();
    }
    until("the server has TLS", async || {
        let shown = sqlx::query_scalar("show ssl").fetch_one(&mut psql).await;
        let shown: String = shown.unwrap();
        shown == "on"
    })
    .await;
    postgres
}

#[tokio::test]
async fn a_certificate_of_an_old_form_is_an_error_about_tls_that_names_sslmode() {
    let postgres = server_of_long_ago().await;
    let mut installation = Installation::at("http://127.0.0.1:9").await;
    let url = postgres.url("postgres");
    for options in ["", "?sslmode=prefer", "?sslmode=require"] {
        installation.set("MANDATED__DATABASE__URL", &format!("{url}{options}"));
        for command in [
            ["migrate"].as_slice(),
            &["mandates", "list"],
            &["doctor", "--offline"],
            // Last: it waits for whatever passes by itself.
            &["run"],
        ] {
            let output = installation.output(command);
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
            assert!(
                said.contains("by TLS") && said.contains("sslmode"),
                "{said}"
            );
            assert!(said.contains("version"), "{said}");
            assert!(!said.contains("server running"), "{said}");
        }
    }
    installation.set("MANDATED__DATABASE__URL", &format!("{url}?sslmode=disable"));
    installation.works(&["migrate"]);
}
