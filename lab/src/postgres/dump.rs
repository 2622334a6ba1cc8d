//! Real dumps, by `pg_dump` and `pg_restore`, as the operator of any database has them.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{PostgresError, SCRIPT};

/// All that a database held at one moment.
#[derive(Debug)]
pub struct Dump(Vec<u8>);

impl Dump {
    /// Of the database at an address.
    pub async fn of(url: &str) -> Result<Self, PostgresError> {
        let mut dump = command("pg_dump").await?;
        dump.args(["--format=custom", "--dbname", url]);
        let output = dump.output().await.map_err(PostgresError::Supervisor)?;
        worked(&output)?;
        Ok(Self(output.stdout))
    }

    /// Into the database at an address, which is empty.
    pub async fn restore(&self, url: &str) -> Result<(), PostgresError> {
        self.put_back(url, &[]).await
    }

    /// Its rows alone, into the database at an address, whose tables are empty.
    pub async fn restore_rows(&self, url: &str) -> Result<(), PostgresError> {
        let rows_alone = ["--data-only", "--disable-triggers"];
        self.put_back(url, &rows_alone).await
    }

    async fn put_back(&self, url: &str, how: &[&str]) -> Result<(), PostgresError> {
        let mut restore = command("pg_restore").await?;
        restore.args(["--exit-on-error", "--dbname", url]).args(how);
        let restore = restore.stdin(Stdio::piped()).stdout(Stdio::null());
        let restored = async {
            let mut child = restore.stderr(Stdio::piped()).spawn()?;
            if let Some(mut input) = child.stdin.take() {
                // It may end before it has read all of it: then its words say why.
                drop(input.write_all(&self.0).await);
            }
            child.wait_with_output().await
        };
        worked(&restored.await.map_err(PostgresError::Supervisor)?)
    }
}

/// One of the programs that came with the server.
async fn command(name: &str) -> Result<Command, PostgresError> {
    let found = Command::new("sh")
        .args([
            "-c",
            r#"eval "$PRIVATE_POSTGRES_SCRIPT""#,
            "postgres",
            "find",
        ])
        .env("PRIVATE_POSTGRES_SCRIPT", SCRIPT)
        .output()
        .await
        .map_err(PostgresError::Supervisor)?;
    if !found.status.success() {
        return Err(PostgresError::NotInstalled);
    }
    let folder = String::from_utf8_lossy(&found.stdout);
    Ok(Command::new(PathBuf::from(folder.trim()).join(name)))
}

fn worked(output: &Output) -> Result<(), PostgresError> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(PostgresError::Stopped(said))
}
